# SIPp plays tones in the audio: number unit, over TCP.
needs sipp python3
serve
python3 "$here/make_keys.py" inband ",,2,1,,,90817263#,1" keys.pcap
cp "$here/sipp_call.xml" . && echo "SEQUENTIAL
0600002222" >callers.csv
sipp "$address:$tcp_port" -t t1 -sf sipp_call.xml -inf callers.csv -s 0664806430 -i "$phone" -mi "$phone" -m 1 -timeout 90 -nostdin </dev/null
verified number 0600002222 90817263
