package reports

import (
	"encoding/xml"
	"io"

	"github.com/lilims/bench/harness/compare"
)

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

// JUnit writes the verdicts as JUnit XML: a suite for each case, a test for each verdict.
func (all Verdicts) JUnit(w io.Writer) error {
	out := junitSuites{Name: "bench gate"}
	for _, v := range all {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != v.Case {
			out.Suites = append(out.Suites, junitSuite{Name: v.Case})
		}
		suite := &out.Suites[len(out.Suites)-1]
		c := junitCase{Class: v.Case, Name: label(v.Metric), Out: line(v)}
		if v.Limit != nil {
			c.Name += " limit"
		}
		problem := &junitProblem{Message: line(v), Type: string(v.Judgement)}
		switch compare.ResultOf(v.Judgement) {
		case compare.Failed:
			c.Failure = problem
			suite.Failures++
			out.Failures++
		case compare.Undecided:
			c.Error = problem
			suite.Errors++
			out.Errors++
		}
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		out.Tests++
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
