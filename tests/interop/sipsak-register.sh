# sipsak, which knows MD5 alone, registers with the password of its line, and cannot with another.
needs sipsak
"$karipass" contract add 0600001111=all --db karipass.db
cat >karipass.toml <<TOML
[sip]
listen = ["udp:$address:5060"]
digest_algorithms = ["MD5", "SHA-256"]
TOML
printf 'correct-horse-7' | "$karipass" line passwd 0600001111 --db karipass.db --config karipass.toml
flags=(--config karipass.toml)
serve
registers() { sipsak -U -v -s "sip:0600001111@$address:$port" -C "sip:0600001111@$phone:5090" -x 300 -u 0600001111 -a "$1"; }
registers correct-horse-7
grep -q 'a telephone has registered' service.log
! registers another-horse-8 || { echo "any password does"; exit 1; }
