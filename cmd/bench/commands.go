package main

// commands lists every verb, in the order in which help shows them.
func commands() []command {
	return []command{
		gateCommand(),
		trendCommand(),
		simulateCommand(),
		appCommand(),
		versionCommand(),
	}
}
