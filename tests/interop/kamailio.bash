# kamailio_between TRANSPORT: Kamailio listens on $proxy, over UDP and TCP, and passes calls on to the service, staying in their way
# (Record-Route). $kamailio_media: what it does with descriptions of media, on their way to the service and back
kamailio_between() {
  proxy=127.77.$number.3
  local nothing="route[MEDIA] { return; }"
  modules=$(dirname "$(find /usr/lib -path '*kamailio/modules/tm.so' 2>/dev/null | head -n 1)")
  cat >kamailio.cfg <<CFG
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
listen=udp:$proxy:5060
listen=tcp:$proxy:5060
server_header="Server: Kamailio"
mpath="$modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("rr", "enable_full_lr", 1)
${kamailio_media:-$nothing}
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { route(MEDIA); t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here"); exit;
  }
  record_route();
  route(MEDIA);
  \$du = "sip:$address:5060;transport=$1";
  t_relay();
}
CFG
  mkdir -p run
  kamailio -DD -f kamailio.cfg -Y "$PWD/run" -P "$PWD/run/kamailio.pid" -m 32 -M 4 >kamailio.log 2>&1 </dev/null &
  running+=($!)
  until_true 150 grep -qs . run/kamailio.pid || { cat kamailio.log; return 1; }
  until_true 150 sipsak -s "sip:nobody@$proxy:5060" >/dev/null 2>&1 || true
}
