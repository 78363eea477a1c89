# SIPp keys by telephone events from a capture: line unit. The capture's RTP timestamps wrap in the middle.
needs sipp python3
serve
python3 "$here/make_keys.py" events ",,1,0600001111#,,,48151623#,1" keys.pcap
cp "$here/sipp_call.xml" . && echo "SEQUENTIAL
0600001111" >callers.csv
sipp "$address:$port" -sf sipp_call.xml -inf callers.csv -s 0664806430 -i "$phone" -mi "$phone" -m 1 -timeout 90 -nostdin </dev/null
verified line 0600001111 48151623
