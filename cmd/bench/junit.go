package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// writeFiles writes the verdicts to the files that were asked for.
func (f *judging) writeFiles(verdicts []gate.Judged) error {
	if f.junit != "" {
		if err := writeFile(f.junit, func(w io.Writer) error { return writeJUnit(w, verdicts) }); err != nil {
			return err
		}
	}
	if f.markdown == "" {
		return nil
	}
	was, err := os.ReadFile(f.markdown) // a step summary is one file for several steps
	if err != nil && !os.IsNotExist(err) {
		return harness.UsageError("write verdicts", "Name another file with --markdown.", "%w", err)
	}
	return writeFile(f.markdown, func(w io.Writer) error {
		if _, err := w.Write(was); err != nil {
			return err
		}
		return writeMarkdown(w, verdicts)
	})
}

// JUnit's elements as far as continuous integration reads them. A verdict that failed is a failure, one that could not
// be reached an error: neither is green.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure,omitempty"`
	Error   *junitProblem `xml:"error,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

func writeJUnit(w io.Writer, verdicts []gate.Judged) error {
	all := junitSuites{Name: "bench gate"}
	for _, v := range verdicts {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != v.Case {
			all.Suites = append(all.Suites, junitSuite{Name: v.Case})
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := junitCase{Class: v.Case, Name: v.Metric, Out: verdictText(v)}
		if v.Limit != nil {
			c.Name += " limit"
		}
		problem := &junitProblem{Message: verdictText(v), Type: string(v.Judgement)}
		switch exitOfVerdict(v.Judgement) {
		case exitRegression:
			c.Failure = problem
			suite.Failures++
			all.Failures++
		case exitInconclusive:
			c.Error = problem
			suite.Errors++
			all.Errors++
		}
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		all.Tests++
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// verdictText is a verdict in one line.
func verdictText(v gate.Judged) string {
	parts := []string{string(v.Judgement)}
	if v.Estimate != nil && v.Limit == nil {
		parts = append(parts, fmt.Sprintf("%s worse %s at a limit of %.0f %%, %s", percent(v.Estimate), interval(v), 100*v.Threshold, harness.Count(v.Pairs, "pair")))
	}
	for _, remark := range append([]string{v.Reason}, v.Warnings...) {
		if remark != "" {
			parts = append(parts, harness.PrintableLine(remark))
		}
	}
	return strings.Join(parts, "; ")
}

// writeMarkdown writes a table with the worst first, for a pull request or a step summary.
func writeMarkdown(w io.Writer, verdicts []gate.Judged) error {
	counts := map[int]int{}
	for _, v := range verdicts {
		counts[exitOfVerdict(v.Judgement)]++
	}
	fmt.Fprintf(w, "## Benchmark gate: %s\n\n%d failed, %d not decided, %d passed. Positive is worse.\n\n", headline(counts), counts[exitRegression], counts[exitInconclusive], counts[exitOK])
	fmt.Fprint(w, "| case | metric | verdict | change | interval | pairs | noise | remarks |\n|---|---|---|---|---|---|---|---|\n")
	for _, exit := range []int{exitRegression, exitInconclusive, exitOK} {
		for _, v := range verdicts {
			if exitOfVerdict(v.Judgement) != exit {
				continue
			}
			name := string(v.Judgement)
			if exit != exitOK || v.Judgement == harness.Improvement {
				name = "**" + name + "**"
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %d | %s | %s |\n", cell(v.Case), v.Metric, name, percent(v.Estimate), interval(v), v.Pairs, percentOf(v.Noise), cell(v.Reason))
		}
	}
	_, err := fmt.Fprint(w, "\n")
	return err
}

func headline(counts map[int]int) string {
	switch {
	case counts[exitRegression] > 0:
		return "regression"
	case counts[exitInconclusive] > 0:
		return "not decided"
	}
	return "pass"
}

// cell keeps a text inside its cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(harness.PrintableLine(text), "|", `\|`) }
