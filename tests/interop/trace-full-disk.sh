# The disk for traces is full: that costs the trace, and nothing else.
needs sipp python3 unshare
[ "$(id -u)" = 0 ] || skip "a small disk of its own needs root"
mkdir traces
unshare --mount mount -t tmpfs -o size=16k tmpfs traces 2>mount.log || skip "no small disk here: $(cat mount.log)"
printf '#!/bin/sh\nmount -t tmpfs -o size=16k tmpfs traces && exec "$@"\n' >on_small_disk
chmod +x on_small_disk
in_namespace="unshare --mount ./on_small_disk"
serve
python3 "$here/make_keys.py" events ",,1,0600001111#,,,28284271#,1" keys.pcap
cp "$here/sipp_call.xml" . && printf 'SEQUENTIAL\n0600001111\n' >callers.csv
sipp "$address:$port" -sf sipp_call.xml -inf callers.csv -s 0664806430 -i "$phone" -mi "$phone" -m 1 -timeout 90 -nostdin </dev/null
stored line 0600001111 28284271
grep -q 'trace abandoned' service.log
