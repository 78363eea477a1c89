# SIPp plays tones in the audio: number unit, over TCP.
python3 "$here/make_keys.py" inband ",,2,1,,,90817263#,1" keys.pcap
cp "$here/sipp_call.xml" . && echo "SEQUENTIAL
0600002222" >callers.csv
sipp 127.0.0.1:"$tcp_port" -t t1 -sf sipp_call.xml -inf callers.csv -s 0664806430 -i 127.0.0.1 -mi 127.0.0.1 -m 1 -timeout 90 -nostdin </dev/null
verified number 0600002222 90817263
