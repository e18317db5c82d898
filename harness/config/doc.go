// Package config reads the catalogue: folders devices, models, scenarios, policies and claims with one YAML file for each
// entry, named after it. Files come in, a [harness.Catalog] goes out, or every mistake at once, each with its file, line
// and key. An unknown key is a mistake. It must never guess a value that a file does not give, other than the defaults
// that are written here.
package config
