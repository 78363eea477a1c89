# baresip_config LINE …: a configuration that is all this folder's, with these lines added
baresip_config() {
  modules=$(dirname "$(dpkg -L baresip-core baresip 2>/dev/null | grep -m1 '/g711.so$')")
  cat >config <<CONFIG
module_path $modules
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
sip_listen $phone:5060
audio_alert aufile,$PWD/alert.wav
rtp_ports $((33000 + number * 100))-$((33098 + number * 100))
CONFIG
  printf '%s\n' "$@" >>config
  touch contacts
}
# with_keys: baresip reads keys from a console on UDP; a key is held until another byte comes
with_keys() { echo "module cons.so"; echo "cons_listen $phone:5555"; }
press() {
  printf '%s' "$1" >"/dev/udp/$phone/5555"
  sleep 0.12
  printf '\004' >"/dev/udp/$phone/5555"
  sleep 0.12
}
