package block

// dictionary is what the texts of blocks have in common: shapes of lines and documents, metrics, units, outcomes. It is
// part of the format: another one needs another version.
const dictionary = `{"TimeRemaining":#,"ExternalConnected":false,"IsCharging":false,"FullyCharged":false,"DesignCapacity":#,"CycleCount":#,"NominalChargeCapacity":#,"AppleRawMaxCapacity":#,"AppleRawCurrentCapacity":#,"AbsoluteCapacity":#,"Temperature":#,"InstantAmperage":#,"Amperage":#,"Voltage":#,"CurrentCapacity":#,"UpdateTime":#,"PowerTelemetryData":{"SystemPowerIn":#,"SystemLoad":#,"AccumulatedSystemLoad":#,"SystemLoadAccumulatorCount":#,"AccumulatedSystemEnergyConsumed":#,"BatteryPower":#}}
available_bytes decode_tok_s energy_j energy_per_token_j footprint_bytes footprint_host_bytes itl_p50_s itl_p95_s itl_p99_s least_available_bytes ledger_peak_bytes lifetime_peak_bytes load_cold_s load_first_ever_s load_warm_s loaded_footprint_bytes model_bytes neural_bytes peak_decode_bytes peak_footprint_bytes peak_footprint_host_bytes peak_prefill_bytes prefill_tok_s probe_tok_s retention_300s retention_60s time_to_75_s time_to_90_s ttft_cold_s ttft_first_ever_s ttft_s
wait probe retry refused device events clock thermal jetsam timeout app_crash device_lost invalid error ok length complete nominal fair serious critical candidate baseline first_ever cold warm load prefill decode idle tok/s B s J ratio app host derived model sysmontap gauge-accumulator
2026-11-27T03:00:00.000000000Z
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"outcome":$,"count":#,"reason":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"metric":$,"value":#,"unit":$,"phase":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"warmup":true,"prompt_tokens":#}
{"v":#,"seq":#,"at_ns":#,"kind":$,"regime":$,"ns":#,"model":$,"model_hash":$,"model_bytes":#,"text":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"count":#,"reason":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"outcome":$,"reason":$,"count":#}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"first":#,"ids":*,"at":*,"text":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"prompt_tokens":#,"ns":#}
{"v":#,"seq":#,"at_ns":#,"kind":$,"iteration":#,"warmup":false,"prompt_tokens":#}
{"v":#,"seq":#,"at_ns":#,"kind":$,"state":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"metric":$,"value":#,"unit":$,"phase":$}
{"v":#,"seq":#,"at_ns":#,"kind":$,"regime":$,"ns":#,"model":$,"model_hash":$,"model_bytes":#}
{"v":#,"seq":#,"at_ns":#,"kind":$,"session":$,"agent":$,"pid":#,"bundle_id":$,"revision":$,"configuration":$,"backend":$,"compute_units":$,"os":$,"machine":$,"memory_bytes":#,"unix_ns":#}
{"at":$,"update_time":#,"voltage_mv":#,"amperage_ma":#,"temperature_centi_c":#,"raw_capacity_mah":#,"percent":#,"charging":false,"external_power":true,"system_load_mw":#,"accumulated_system_load":#,"system_load_count":#,"accumulated_energy":#}
{"id":$,"outcome":$,"code":#,"planned":#,"measured":#,"tokens":#,"thermal_start":$,"thermal_worst":$,"state":{"at":$,"locked":false,"thermal":$,"battery_percent":#,"battery_celsius":~2,"charging":false,"external_power":true,"free_disk_bytes":#,"battery_cycle_count":#},"at":$}
{"id":$,"attempt":#,"planned":{"id":$,"ordinal":#,"case":#,"arm":$,"pair":#,"cold_from":true},"prepared":{"BuildInstalled":true,"ModelPushed":true,"FirstEver":true,"PushedBytes":#,"PushSeconds":~9},"state":{"at":$,"locked":false,"thermal":$,"battery_percent":#,"battery_celsius":~2,"charging":false,"external_power":true,"free_disk_bytes":#,"battery_cycle_count":#},"at":$}`
