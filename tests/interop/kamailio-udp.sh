# SIPp calls through Kamailio, which stays in the way: BYE, sent by the service, goes back through it.
needs sipp kamailio python3
. "$here/kamailio.bash"
serve
kamailio_between udp
python3 "$here/make_keys.py" events ",,1,0600001111#,,,16180339#,1" keys.pcap
cp "$here/sipp_call.xml" . && echo "SEQUENTIAL
0600001111" >callers.csv
sipp "$proxy:5060" -sf sipp_call.xml -inf callers.csv -s 0664806430 -i "$phone" -mi "$phone" -m 1 -timeout 90 -trace_msg -message_file messages -nostdin </dev/null
verified line 0600001111 16180339
grep -q "^Record-Route: <sip:$proxy;lr" messages
# what SIPp got of the call, the BYE too, came through the proxy
grep -A 3 '^BYE ' messages | grep -q "^Via: SIP/2.0/UDP $proxy"
