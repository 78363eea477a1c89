# SIPp requires 100rel: the service rings reliably, PRACK is answered, and the call goes on to its password. Number unit.
needs sipp python3
printf '[sip]\nringing = true\n' >karipass.toml
serve --config karipass.toml
python3 "$here/make_keys.py" events ",,2,1,,,28284271#,1" keys.pcap
cp "$here/sipp_100rel.xml" . && echo "SEQUENTIAL
0600001111" >callers.csv
sipp "$address:$port" -sf sipp_100rel.xml -inf callers.csv -s 0664806430 -i "$phone" -mi "$phone" -m 1 -timeout 90 \
  -trace_msg -message_file messages -nostdin </dev/null
verified number 0600001111 28284271
grep -A 15 '^SIP/2.0 180' messages | grep -q '^RSeq: '
grep -A 15 '^SIP/2.0 200' messages | grep -q '^CSeq: 2 PRACK'
