# linphonec over TLS, whose verification of the service's certificate is on; media in SRTP, which both sides require: number unit.
needs linphonec sox openssl
. "$here/linphone.bash"
# linphonec compares names alone, and an address only where it stands as one
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$address" \
  -keyout key.pem -out cert.pem 2>openssl.log
cat >karipass.toml <<TOML
[sip]
listen = ["udp:$address:5060", "tls:$address:5061"]
certificate = "cert.pem"
key = "key.pem"
[rtp]
srtp = "required"
TOML
flags=(--demo)
serve --config karipass.toml
linphone_sip="sip_tls_port=-2
verify_server_certs=1
verify_server_cn=1
root_ca=$PWD/cert.pem
media_encryption=srtp
media_encryption_mandatory=1"
linphone_to="sip:0664806430@$address:5061;transport=tls"
linphone_calls 1 0
key_in number 24494897
recorded set
verified number 0600001111 24494897
hang_up
trace=$(ls traces/*.pcapng)
"$karipass" calls show "$(basename "$trace" .pcapng)" --db "$db" --trace traces >ladder
grep -q 'INVITE, SDP.*TLS' ladder
grep -q 'SRTP begins' ladder
! grep -aE 'inline:[^x]' "$trace" || { echo "a key is in the trace"; exit 1; }
