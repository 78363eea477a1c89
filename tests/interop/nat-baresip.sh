# baresip behind a NAT made of network namespaces: its Contact and SDP name an address that the service cannot reach. Signalling and
# audio both find their way back.
needs baresip sox ip nft tshark
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
. "$here/baresip.bash"
inside=kp$$in nat=kp$$nat outside=kp$$out
leave() { for space in "$inside" "$nat" "$outside"; do ip netns del "$space" 2>/dev/null || true; done; }
ip netns add "$inside" 2>ip.log || skip "no network namespaces here: $(cat ip.log)"
ip netns add "$nat"; ip netns add "$outside"
ip link add in0 netns "$inside" type veth peer name nat0 netns "$nat" 2>ip.log || skip "no virtual links here: $(cat ip.log)"
ip link add out0 netns "$outside" type veth peer name nat1 netns "$nat"
up() { # NAMESPACE LINK ADDRESS
  ip -n "$1" link set lo up
  ip -n "$1" addr add "$3" dev "$2"
  ip -n "$1" link set "$2" up
}
up "$inside" in0 10.77.0.2/24; up "$nat" nat0 10.77.0.1/24; up "$nat" nat1 203.0.113.1/24; up "$outside" out0 203.0.113.2/24
ip -n "$inside" route add default via 10.77.0.1
ip netns exec "$nat" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
# ports are changed on the way, as carriers' NATs do; the service has no way to the inside by itself
ip netns exec "$nat" nft -f - 2>ip.log <<'NFT' || skip "no masquerading here: $(cat ip.log)"
table ip nat {
  chain out {
    type nat hook postrouting priority 100
    oifname "nat1" masquerade random
  }
}
table ip filter {
  chain through {
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    iifname "nat0" accept
  }
}
NFT
cat >karipass.toml <<'TOML'
[sip]
trust_from = ["203.0.113.1"]
[rtp]
listen = "203.0.113.2"
TOML
listen=203.0.113.2 flags=(--demo --sip 203.0.113.2:5060) in_namespace="ip netns exec $outside"
serve --config karipass.toml
captured out0 "" ip netns exec "$outside"
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 120
phone=10.77.0.2
baresip_config "audio_source aufile,$PWD/silence.wav" "$(with_keys)"
echo "<sip:0600001111@$phone>;regint=0;audio_codecs=PCMU" >accounts
run_beside ip netns exec "$inside" timeout 150 baresip -f "$PWD" -t 120 -e "/dial sip:0664806430@203.0.113.2"
press() {
  ip netns exec "$inside" bash -c "printf '%s' '$1' >/dev/udp/$phone/5555; sleep 0.12; printf '\\004' >/dev/udp/$phone/5555; sleep 0.12"
}
key_in line 17320508
recorded set
verified line 0600001111 17320508
# the service saw another address than the caller wrote
shown=$(tshark -r traces/*.pcapng -Y 'sip.Method == INVITE' -T fields -e ip.src -e sip.contact.uri 2>/dev/null | head -n 1)
[[ "$shown" == 203.0.113.1*10.77.0.2* ]] || { echo "not behind a NAT: $shown"; exit 1; }
# and the guidance came through to the inside
received=$(ip netns exec "$inside" cat /sys/class/net/in0/statistics/rx_packets)
[ "$received" -gt 500 ] || { echo "the caller got only $received packets"; exit 1; }
