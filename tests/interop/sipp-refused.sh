# Lines that are not contracted get 403, withheld numbers 433; nothing is answered, and each is in the call records.
needs sipp python3
serve
refused() { # STATUS FROM
  sed "s/STATUS/$1/" "$here/sipp_refused.xml" >refused.xml
  printf 'SEQUENTIAL\n%s\n' "$2" >callers.csv
  sipp "$address:$port" -sf refused.xml -inf callers.csv -s 0664806430 -i "$phone" -m 1 -timeout 20 -nostdin </dev/null
}
refused 403 "<sip:0699999999@$phone>"
refused 433 '"Anonymous" <sip:anonymous@anonymous.invalid>'
# a record is written after the caller has its answer
for _ in $(seq 100); do [ "$("$karipass" calls --db "$db" --json | wc -l)" = 2 ] && break; sleep 0.1; done
"$karipass" calls --db "$db"
[ "$("$karipass" calls --db "$db" --json | grep -c '"refused-unknown-line"')" = 1 ]
[ "$("$karipass" calls --db "$db" --json | grep -c '"refused-withheld"')" = 1 ]
