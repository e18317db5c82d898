echo "$@" >>asked
while [ $# -gt 0 ]; do
	case $1 in
	--output) out=$2 ;;
	--quantize) precision=$2 ;;
	--gguf) source=$2 ;;
	esac
	shift
done
echo '1/2 store: first' >&2
rm -rf "$out"
cp -r "$TINY" "$out"
sum=$(sha256sum "$source" | cut -d' ' -f1)
sed -i -e "s/\"name\": \"[^\"]*\"/\"name\": \"$(basename $out)\", \"quantization\": \"$precision\", \"layout\": \"gpu\", \"evaluation\": [{\"corpus\": \"a corpus\", \"precision\": \"$precision\", \"tokens\": 40, \"perplexity\": 11.5, \"loss\": 0.015, \"by\": \"bench-agent\"}], \"source\": {\"what\": \"test\", \"sha256\": \"$sum\"}/" -e '/^  "source": {/,/^  }/d' -e '/^  "quantization"/d' -e '/^  "layout"/d' -e '/^  "evaluation"/d' "$out/manifest.json"
printf '{"manifest":'
cat "$out/manifest.json"
printf ',"cache_bytes":1,"lint":[{"rule":"palette","level":"error","function":"decode","operation":"x","text":"a scale","remedy":"use another"}]}'
