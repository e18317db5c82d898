package main

// commands lists every verb, in the order in which help shows them.
func commands() []command {
	return []command{
		runCommand(),
		soakCommand(),
		devicesCommand(),
		planCommand(),
		modelCommand(),
		demoCommand(),
		reportCommand(),
		runsCommand(),
		ingestCommand(),
		compareCommand(),
		gateCommand(),
		releaseCommand(),
		prelaunchCommand(),
		bisectCommand(),
		calibrateCommand(),
		baselineCommand(),
		trendCommand(),
		exportCommand(),
		importCommand(),
		simulateCommand(),
		virtualCommand(),
		appCommand(),
		configCommand(),
		versionCommand(),
		manCommand(),
	}
}
