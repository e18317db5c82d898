// Package modelstore finds, checks and adds converted models. A model is a folder with a manifest.json
// (docs/model-contract.md); it lies in the data folder, where the catalogue says, or in the program itself. Words and a
// catalogue come in, a [harness.Model] whose every file has been checked goes out. A model is added by fetching what it is
// made of and running the converter, a process of its own. The package prints nothing: what goes on is told by events.
//
// # In the data folder
//
//	models/<name>-<precision>/     models that were added
//	downloads/<name>/              what they were made of
//	shipped/<name>-<hash>/         models of the program, unpacked for what must read them from the disk
package modelstore
