# rtpengine, driven by Kamailio, between baresip, which has no encryption, and the service, which requires it: its SDP names a relay
# of media and many crypto suites. Line unit.
needs baresip kamailio rtpengine sox
. "$here/kamailio.bash"
. "$here/baresip.bash"
find /usr/lib -path '*kamailio/modules/rtpengine.so' 2>/dev/null | grep -q . || skip "Kamailio has no module for rtpengine"
printf '[rtp]\nsrtp = "required"\n' >karipass.toml
serve --config karipass.toml
relay=127.77.$number.4
# in this process alone: no kernel module, no table
run_beside rtpengine --config-file=none --table=-1 --interface="$relay" --listen-ng="$relay:2223" --port-min=36000 --port-max=36098 \
  --foreground --log-stderr --log-level=6 --num-threads=2 --pidfile="$PWD/rtpengine.pid"
until_true 100 grep -q 'Startup complete' rtpengine.log || skip "rtpengine does not start here: $(tail -n 1 rtpengine.log)"
kamailio_media="loadmodule \"rtpengine.so\"
modparam(\"rtpengine\", \"rtpengine_sock\", \"udp:$relay:2223\")
route[MEDIA] {
  if (is_method(\"BYE\")) { rtpengine_delete(); return; }
  if (!is_method(\"INVITE\") || !has_body(\"application/sdp\")) return;
  rtpengine_offer(\"replace-origin replace-session-connection RTP/SAVP\");
  t_on_reply(\"MEDIA\");
}
onreply_route[MEDIA] {
  if (has_body(\"application/sdp\")) rtpengine_answer(\"replace-origin replace-session-connection RTP/AVP\");
}"
kamailio_between udp
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 60
baresip_config "audio_source aufile,$PWD/silence.wav" "$(with_keys)"
echo "<sip:0600001111@$phone>;regint=0;audio_codecs=PCMU" >accounts
run_beside timeout 90 baresip -f "$PWD" -t 60 -e "/dial sip:0664806430@$proxy"
key_in line 33166247
recorded set
verified line 0600001111 33166247
"$karipass" calls show "$(basename "$(ls traces/*.pcapng)" .pcapng)" --db "$db" --trace traces >ladder
grep -q 'SRTP begins' ladder
# what came, came from the relay, and what baresip got of the guidance too
grep -q "RTP from $relay:" ladder
! grep -q "RTP from $phone:" ladder
