package reports

import (
	"fmt"
	"io"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/demo"
)

// Demo tells what the demo recorded, and what to type next.
func Demo(w io.Writer, s demo.Story, folder string) error {
	_, err := fmt.Fprintf(w, `SIMULATED: every number comes from a model; nothing was measured.
%s recorded: %d nights of two simulated phones in three cases, from %s
  outlier night  %s
  OS update      %s, iPhone 16 Pro
  step of %.0f %%    from %s, a slower build
  open gate      %s

Next:
  bench runs --data %[8]s --limit 5
  bench trend --data %[8]s --metric decode
  bench compare --data %[8]s latest
  bench report --data %[8]s --all --open

data      %[8]s
`, harness.Count(s.Runs, "run"), demo.Nights, s.First.Format(time.DateOnly), s.Odd.Format(time.DateOnly), s.Update.Format(time.DateOnly),
		100*(1-demo.StepSpeed), s.Step.Format(time.DateOnly), folder, s.Gate)
	return err
}
