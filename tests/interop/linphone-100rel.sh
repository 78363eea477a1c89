# linphonec supports 100rel: the service rings reliably, and the call goes on to its password. Number unit.
needs linphonec sox
. "$here/linphone.bash"
printf '[sip]\nringing = true\n' >karipass.toml
serve --config karipass.toml
linphone_sip="100rel_support_level=1"
linphone_calls 1 0
key_in number 10488088
recorded set
verified number 0600001111 10488088
hang_up
"$karipass" calls show "$(basename "$(ls traces/*.pcapng)" .pcapng)" --db "$db" --trace traces >ladder
grep -q '180 Ringing (INVITE)' ladder
grep -q 'PRACK ─' ladder
grep -q '200 OK (PRACK)' ladder
