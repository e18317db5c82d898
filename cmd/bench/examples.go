package main

// examples are lines that a person can type, by verb.
func examples() map[string]string {
	return map[string]string{
		"run": "bench run --device simulated-iphone15\n" +
			"bench run --device iPhone15 --build BenchApp.ipa --model smollm2-135m-int4 --scenario chat\n" +
			"bench run --device iPhone15 --resume",
		"soak":         "bench soak --device iPhone15 --duration 5m",
		"devices":      "bench devices\nbench devices --json",
		"plan":         "bench plan --device simulated-iphone15 --scenario 'prompt-*'",
		"model":        "bench model list",
		"model list":   "bench model list",
		"model show":   "bench model show stories-1m",
		"model verify": "bench model verify stories-1m",
		"model remove": "bench model remove smollm2-135m-int4",
		"model add":    "bench model add smollm2-135m\nbench model add mine --from model.gguf --quantize int4 --quantize int8",
		"report":       "bench report\nbench report latest~1 --format md\nbench report --all --open",
		"runs":         "bench runs --device iPhone15 --since 7d",
		"ingest":       "bench ingest metrickit payloads/\nbench ingest metrickit - --json < payload.json",
		"compare":      "bench compare\nbench compare latest\nbench compare 20261101-0100 20261102-0100 --metric decode",
		"gate": "bench gate --device iPhone15 --build NEW.ipa --baseline OLD.ipa --junit gate.xml\n" +
			"bench gate --device iPhone15 --build NEW.ipa --baseline OLD.ipa --stored --continue",
		"release":       "bench release check --build BenchApp.ipa --measure",
		"release check": "bench release check --build BenchApp.ipa --measure --html page.html",
		"bisect": "bench bisect --device iPhone15 --good v1.4 --bad main " +
			"--build 'make ipa && cp App.ipa $BENCH_OUTPUT'",
		"calibrate":        "bench calibrate --device iPhone15 --build OLD.ipa",
		"baseline":         "bench baseline list",
		"baseline accept":  "bench baseline accept latest --reason 'release 1.4'",
		"baseline list":    "bench baseline list",
		"baseline show":    "bench baseline show",
		"baseline diff":    "bench baseline diff latest",
		"trend":            "bench trend --device iPhone15 --metric decode --since 90d",
		"export":           "bench export --format parquet -o runs.parquet",
		"import":           "bench import llama-bench.json",
		"simulate":         "bench simulate gate --nights 2000\nbench simulate trend --years 400",
		"simulate gate":    "bench simulate gate --nights 2000",
		"simulate trend":   "bench simulate trend --years 400",
		"virtual":          "bench virtual --profile iPhone15 --listen /tmp/mux.sock",
		"app":              "bench app pack --agent bin/bench-agent --output BenchApp.ipa",
		"app pack":         "bench app pack --agent bin/bench-agent --output BenchApp.ipa",
		"app inspect":      "bench app inspect BenchApp.ipa",
		"demo":             "bench demo\nbench demo --data demo && bench trend --data demo && bench report --all --open --data demo",
		"ingest metrickit": "bench ingest metrickit payloads/",
	}
}
