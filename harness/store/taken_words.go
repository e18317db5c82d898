package store

import "github.com/klauspost/compress/s2"

// payloadWords is what MetricKit's payloads and the figures read from them have in common: names of metrics and fields,
// spaced as a phone writes them and as tools do. It is part of formS2: another text needs another form.
const payloadWords = `"crashDiagnostics" : [ "hangDiagnostics" : [ "cpuExceptionDiagnostics" : [ "diskWriteExceptionDiagnostics" : [ "appLaunchDiagnostics" : [
"intervalEntries":[{"duration":{"value":,"unit":"s"},"values":[{"stateEntries":[{"state":{"domain":"","label":"histogram":{"buckets":[{"lowerBound":{"value":,"upperBound":{"value":,"count":
    {
      "version" : "1.0.0",
      "callStackTree" : {
        "callStacks" : [
          {
            "threadAttributed" : true,
            "callStackRootFrames" : [
              {
                "binaryUUID" : "
                "offsetIntoBinaryTextSegment" : 4331307008,
                "sampleCount" : 1,
                "subFrames" : [
                  {
                "binaryName" : "
                "address" : 4331307008
              }
            ]
          }
        ],
        "callStackPerThread" : true
      },
      "diagnosticMetaData" : {
        "exceptionType" : 1, "exceptionCode" : 0, "signal" : 11, "terminationReason" : "Namespace SIGNAL, Code 0xb", "virtualMemoryRegionInfo" : "0 is not in any region.
        "totalCPUTime" : "20 sec", "totalSampledTime" : "20 sec", "writesCaused" : "2,000 byte", "hangDuration" : "20 sec", "launchDuration" : "
"cpuMetrics" : {"cumulativeCPUTime" : "1,000 sec", "cumulativeCPUInstructions" : "1,000 kB", }, "gpuMetrics" : {"cumulativeGPUTime" : "1,000 sec", }, "memoryMetrics" : {"peakMemoryUsage" : "1,000 kB", "averageSuspendedMemory" : "1,000 kB", }, "applicationTimeMetrics" : {"cumulativeForegroundTime" : "1,000 sec", "cumulativeBackgroundTime" : "1,000 sec", "cumulativeBackgroundAudioTime" : "1,000 sec", "cumulativeBackgroundLocationTime" : "1,000 sec", }, "diskIOMetrics" : {"cumulativeLogicalWrites" : "1,000 kB", }, "networkTransferMetrics" : {"cumulativeCellularDownload" : "1,000 kB", "cumulativeCellularUpload" : "1,000 kB", "cumulativeWifiDownload" : "1,000 kB", "cumulativeWifiUpload" : "1,000 kB", }, "displayMetrics" : {"averagePixelLuminance" : "1,000 kB", }, "locationActivityMetrics" : {"cumulativeBestAccuracyTime" : "1,000 sec", "cumulativeNearestTenMetersAccuracyTime" : "1,000 sec", "cumulativeHundredMetersAccuracyTime" : "1,000 sec", "cumulativeKilometerAccuracyTime" : "1,000 sec", }, "animationMetrics" : {"scrollHitchTimeRatio" : "1,000 sec", "hitchTimeRatio" : "1,000 sec", }, "applicationExitMetrics" : {"foregroundExitData" : {"cumulativeNormalAppExitCount" : "1,000 kB", "cumulativeMemoryResourceLimitExitCount" : "1,000 kB", "cumulativeBadAccessExitCount" : "1,000 kB", "cumulativeAbnormalExitCount" : "1,000 kB", "cumulativeIllegalInstructionExitCount" : "1,000 kB", "cumulativeAppWatchdogExitCount" : "1,000 kB", }, "applicationExitMetrics" : {"backgroundExitData" : {"cumulativeMemoryPressureExitCount" : "1,000 kB", "cumulativeCPUResourceLimitExitCount" : "1,000 kB", "cumulativeSuspendedWithLockedFileExitCount" : "1,000 kB", "cumulativeBackgroundTaskAssertionTimeoutExitCount" : "1,000 sec", }, 
"cpuMetrics": {"cumulativeCPUTime": "1,000 sec", "cumulativeCPUInstructions": "1,000 kB", }, "gpuMetrics": {"cumulativeGPUTime": "1,000 sec", }, "memoryMetrics": {"peakMemoryUsage": "1,000 kB", "averageSuspendedMemory": "1,000 kB", }, "applicationTimeMetrics": {"cumulativeForegroundTime": "1,000 sec", "cumulativeBackgroundTime": "1,000 sec", "cumulativeBackgroundAudioTime": "1,000 sec", "cumulativeBackgroundLocationTime": "1,000 sec", }, "diskIOMetrics": {"cumulativeLogicalWrites": "1,000 kB", }, "networkTransferMetrics": {"cumulativeCellularDownload": "1,000 kB", "cumulativeCellularUpload": "1,000 kB", "cumulativeWifiDownload": "1,000 kB", "cumulativeWifiUpload": "1,000 kB", }, "displayMetrics": {"averagePixelLuminance": "1,000 kB", }, "locationActivityMetrics": {"cumulativeBestAccuracyTime": "1,000 sec", "cumulativeNearestTenMetersAccuracyTime": "1,000 sec", "cumulativeHundredMetersAccuracyTime": "1,000 sec", "cumulativeKilometerAccuracyTime": "1,000 sec", }, "animationMetrics": {"scrollHitchTimeRatio": "1,000 sec", "hitchTimeRatio": "1,000 sec", }, "applicationExitMetrics": {"foregroundExitData": {"cumulativeNormalAppExitCount": "1,000 kB", "cumulativeMemoryResourceLimitExitCount": "1,000 kB", "cumulativeBadAccessExitCount": "1,000 kB", "cumulativeAbnormalExitCount": "1,000 kB", "cumulativeIllegalInstructionExitCount": "1,000 kB", "cumulativeAppWatchdogExitCount": "1,000 kB", }, "applicationExitMetrics": {"backgroundExitData": {"cumulativeMemoryPressureExitCount": "1,000 kB", "cumulativeCPUResourceLimitExitCount": "1,000 kB", "cumulativeSuspendedWithLockedFileExitCount": "1,000 kB", "cumulativeBackgroundTaskAssertionTimeoutExitCount": "1,000 sec", }, 
"applicationLaunchMetrics": {"histogrammedTimeToFirstDrawKey": {"histogramNumBuckets": 3, "histogramValue": {"0": {"bucketCount": 50, "bucketStart": "1,000 ms", "bucketEnd": "1,010 ms"}, "histogrammedResumeTime": {"histogrammedOptimizedTimeToFirstDrawKey": {"histogrammedExtendedLaunch": {
"applicationResponsivenessMetrics" : {
    "histogrammedAppHangTime" : {
      "histogramNumBuckets" : 3,
      "histogramValue" : {
        "0" : {
          "bucketCount" : 50,
          "bucketStart" : "1,000 ms",
          "bucketEnd" : "1,010 ms"
        },
        "1" : {
          "bucketCount" : 60,
"cellularConditionMetrics" : { "cellConditionTime" : { "bucketStart" : "1 bars", "bucketEnd" : "1 bars"
"averageValue" : "100,000 kB",
      "standardDeviation" : 0,
      "sampleCount" : 500
"averageValue": "100,000 kB", "standardDeviation": 0, "sampleCount": 500}
"signpostMetrics": [{"signpostName": "load", "signpostCategory": "bench", "totalSignpostCount": 30, "signpostIntervalData": {"histogrammedSignpostDurations": {"histogramNumBuckets": 3, "histogramValue": {"0": {"bucketCount": 50, "bucketStart": "0 ms", "bucketEnd": "100 ms"}, "signpostCumulativeCPUTime": "30,000 ms", "signpostAverageMemory": "100,000 kB", "signpostCumulativeLogicalWrites": "600 kB"
{"path":"cpuMetrics.cumulativeCPUTime","value":1,"unit":"s"},
{"path":"cpuMetrics.cumulativeCPUInstructions","value":1,"unit":"s"},
{"path":"gpuMetrics.cumulativeGPUTime","value":1,"unit":"s"},
{"path":"memoryMetrics.peakMemoryUsage","value":1,"unit":"B"},
{"path":"memoryMetrics.averageSuspendedMemory","value":1,"unit":"B"},
{"path":"applicationTimeMetrics.cumulativeForegroundTime","value":1,"unit":"s"},
{"path":"applicationTimeMetrics.cumulativeBackgroundTime","value":1,"unit":"s"},
{"path":"applicationTimeMetrics.cumulativeBackgroundAudioTime","value":1,"unit":"s"},
{"path":"applicationTimeMetrics.cumulativeBackgroundLocationTime","value":1,"unit":"s"},
{"path":"diskIOMetrics.cumulativeLogicalWrites","value":1,"unit":"B"},
{"path":"networkTransferMetrics.cumulativeCellularDownload","value":1,"unit":"B"},
{"path":"networkTransferMetrics.cumulativeCellularUpload","value":1,"unit":"B"},
{"path":"networkTransferMetrics.cumulativeWifiDownload","value":1,"unit":"B"},
{"path":"networkTransferMetrics.cumulativeWifiUpload","value":1,"unit":"B"},
{"path":"displayMetrics.averagePixelLuminance","value":1,"unit":"s"},
{"path":"locationActivityMetrics.cumulativeBestAccuracyTime","value":1,"unit":"s"},
{"path":"locationActivityMetrics.cumulativeNearestTenMetersAccuracyTime","value":1,"unit":"s"},
{"path":"locationActivityMetrics.cumulativeHundredMetersAccuracyTime","value":1,"unit":"s"},
{"path":"locationActivityMetrics.cumulativeKilometerAccuracyTime","value":1,"unit":"s"},
{"path":"animationMetrics.scrollHitchTimeRatio","value":1,"unit":"s"},
{"path":"animationMetrics.hitchTimeRatio","value":1,"unit":"s"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeNormalAppExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeMemoryResourceLimitExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeBadAccessExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeAbnormalExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeIllegalInstructionExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.foregroundExitData.cumulativeAppWatchdogExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.backgroundExitData.cumulativeMemoryPressureExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.backgroundExitData.cumulativeCPUResourceLimitExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.backgroundExitData.cumulativeSuspendedWithLockedFileExitCount","value":1,"unit":"1"},
{"path":"applicationExitMetrics.backgroundExitData.cumulativeBackgroundTaskAssertionTimeoutExitCount","value":1,"unit":"1"},
{"path":"signpostMetrics.0.totalSignpostCount","signpost":"load","category":"bench","value":30,"unit":"1"},
{"path":"signpostMetrics.0.signpostIntervalData.signpostCumulativeCPUTime","signpost":"load","category":"bench","value":30,"unit":"s"},
{"path":"signpostMetrics.0.signpostIntervalData.signpostAverageMemory","signpost":"load","category":"bench","value":30,"unit":"B"},
{"path":"signpostMetrics.0.signpostIntervalData.signpostCumulativeLogicalWrites","signpost":"load","category":"bench","value":30,"unit":"B"},
{"path":"signpostMetrics.1.totalSignpostCount","signpost":"prefill","category":"bench","value":30,"unit":"1"},
{"path":"signpostMetrics.1.signpostIntervalData.signpostCumulativeCPUTime","signpost":"prefill","category":"bench","value":30,"unit":"s"},
{"path":"signpostMetrics.1.signpostIntervalData.signpostAverageMemory","signpost":"prefill","category":"bench","value":30,"unit":"B"},
{"path":"signpostMetrics.1.signpostIntervalData.signpostCumulativeLogicalWrites","signpost":"prefill","category":"bench","value":30,"unit":"B"},
{"path":"signpostMetrics.2.totalSignpostCount","signpost":"decode","category":"bench","value":30,"unit":"1"},
{"path":"signpostMetrics.2.signpostIntervalData.signpostCumulativeCPUTime","signpost":"decode","category":"bench","value":30,"unit":"s"},
{"path":"signpostMetrics.2.signpostIntervalData.signpostAverageMemory","signpost":"decode","category":"bench","value":30,"unit":"B"},
{"path":"signpostMetrics.2.signpostIntervalData.signpostCumulativeLogicalWrites","signpost":"decode","category":"bench","value":30,"unit":"B"},
{"timeStampBegin": "2026-10-24 22:59:00 +0000", "timeStampEnd": "2026-10-25 22:59:00 +0000", "appVersion": "1.0", "metaData": {"appBuildVersion": "1", "osVersion": "iPhone OS 18.6 (22G86)", "regionFormat": "US", "platformArchitecture": "arm64e", "deviceType": "iPhone15,4", "bundleIdentifier": "org.lilims.bench", "pid": 812, "lowPowerModeEnabled": 0, "isTestFlightApp": 
  "timeStampEnd" : "2026-10-25 22:59:00 +0000",
  "timeStampBegin" : "2026-10-24 22:59:00 +0000",
  "appVersion" : "1.0",
  "metaData" : {
    "appBuildVersion" : "1",
    "osVersion" : "iPhone OS 18.6 (22G86)",
    "regionFormat" : "US",
    "platformArchitecture" : "arm64e",
    "deviceType" : "iPhone15,4",
    "bundleIdentifier" : "org.lilims.bench",
    "pid" : 812,
`

// payloadDictionary is read only once it is made, and so may be used by many at a time.
var payloadDictionary = s2.MakeDict([]byte(payloadWords), nil)
