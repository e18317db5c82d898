// Stand-in for StateReporting, whose presence tells the SDK of iOS 27 from older ones. Nothing of it is used.
