// Bench measures language models on iPhones and judges builds. It is the only place that knows concrete runners and
// the store: it reads flags, wires the stages together, prints, and turns errors into exit codes. It measures nothing
// itself.
package main
