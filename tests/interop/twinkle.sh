# twinkle-console: admin/user unit for an additional number, keys by telephone events.
needs twinkle-console
. "$here/twinkle.bash"
serve
captured lo "net 127.77.$number.0/24 or udp portrange $((33000 + number * 100))-$((33099 + number * 100))"
twinkle_calls
key_in admin-user 24681357
recorded set
verified admin-user 0600002222 24681357
echo quit >&7
