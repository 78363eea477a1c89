# sipsak asks what the service can do, as monitoring does.
needs sipsak
serve
sipsak -v -s "sip:0664806430@$address:$port"
sipsak -vvv -s "sip:0664806430@$address:$port" | tee answer
grep -qi '^Allow:.*INVITE' answer
grep -qi '^Accept:.*application/sdp' answer
