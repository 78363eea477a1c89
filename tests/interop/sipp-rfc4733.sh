# SIPp keys by telephone events from a capture: line unit. The capture's RTP timestamps wrap in the middle.
python3 "$here/make_keys.py" events ",,1,0600001111#,,,48151623#,1" keys.pcap
cp "$here/sipp_call.xml" . && echo "SEQUENTIAL
0600001111" >callers.csv
sipp 127.0.0.1:"$port" -sf sipp_call.xml -inf callers.csv -s 0664806430 -i 127.0.0.1 -mi 127.0.0.1 -m 1 -timeout 90 -nostdin </dev/null
verified line 0600001111 48151623
