// Drives a phone's instruments server with appium-ios-device over a plain socket and prints what it saw as JSON.
//
//   node dtx.mjs HOST PORT BUNDLE
import net from 'node:net';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// The package imports a default export that this version of bplist-parser does not have.
const bplist = require('bplist-parser');
bplist.default ??= bplist;
const { InstrumentService } = require('./node_modules/appium-ios-device/build/lib/instrument/index.js');

const [host, port, bundle] = process.argv.slice(2);
const socket = net.createConnection({ host, port: Number(port) });
await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
const service = new InstrumentService(socket);

const control = 'com.apple.instruments.server.services.processcontrol';
const out = {};
const output = new Promise((resolve) => service.registerSelectorCallback('outputReceived:fromProcess:atTime:', (m) => resolve(m.auxiliaries.slice(0, 2))));
const exit = new Promise((resolve) => service.registerSelectorCallback('processWithPID:terminatedWithExitCode:orCrashingSignal:', (m) => resolve(m.auxiliaries.slice(0, 2))));
const launched = await service.callChannel(control, 'launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:',
  '', bundle, { KEY: 'value' }, ['--a', 'b c'], { StartSuspendedKey: 1, KillExisting: 1 });
out.pid = launched.selector;
await service.callChannel(control, 'startObservingPid:', out.pid);
await service.callChannel(control, 'resumePid:', out.pid);
out.output = await output;
out.exit = await exit;
const failed = await service.callChannel(control, 'launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:', '', 'com.bench.none', {}, [], {});
out.failure = JSON.stringify(failed.selector);
const list = await service.callChannel('com.apple.instruments.server.services.deviceinfo', 'runningProcesses');
out.running = list.selector.length;
console.log(JSON.stringify(out, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
process.exit(0);
