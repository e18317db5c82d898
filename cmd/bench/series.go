package main

import (
	"io"
	"os"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/trend"
	"github.com/lilims/bench/reports"
)

// judgeFile judges the case in a file by the rule beside it.
func judgeFile(env Env, file string, strict, asJSON bool) (int, error) {
	text, err := readInput(env, "gate", file)
	if err != nil {
		return 0, err
	}
	series, rule, err := gate.DecodeCase(text)
	if err != nil {
		return 0, unreadable("gate", file, err)
	}
	rule.Strict = strict
	judged, err := gate.Judge(series, rule)
	if err != nil {
		return 0, harness.UsageError("gate", "Correct the series; nothing was judged.", "%s: %w", file, err)
	}
	exit := exitOfResult(compare.ResultOf(judged.Judgement))
	if asJSON {
		return exit, reports.SeriesVerdictJSON(env.Stdout, judged)
	}
	return exit, reports.SeriesVerdict(env.Stdout, series.Metric, judged)
}

// trendOfFile looks for changes in the history in a file.
func trendOfFile(env Env, file string, asJSON bool) (int, error) {
	text, err := readInput(env, "trend", file)
	if err != nil {
		return 0, err
	}
	series, err := trend.DecodeSeries(text)
	if err != nil {
		return 0, unreadable("trend", file, err)
	}
	found := reports.SeriesTrend{Series: series, Found: trend.Find(series.Values)}
	if asJSON {
		return exitOK, found.JSON(env.Stdout)
	}
	return exitOK, found.Text(env.Stdout)
}

// readInput reads a file, or standard input for "-".
func readInput(env Env, op, file string) ([]byte, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(env.Stdin)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, unreadable(op, file, err)
	}
	return text, nil
}

func unreadable(op, file string, err error) error {
	return harness.UsageError(op, "See bench help "+op+" for what the file holds.", "%s: %w", file, err)
}
