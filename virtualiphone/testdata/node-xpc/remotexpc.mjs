// Drives a phone's RemoteXPC services with appium-ios-remotexpc and prints what it saw as one JSON object.
//
//   node remotexpc.mjs HOST RSD-PORT BUNDLE
//
// The client finds services through its own tunnel registry; here it is told the addresses that service discovery
// names, so that the phone can be reached without a tunnel. Its modules are loaded one by one: the whole package wants
// a native library for kernel tunnels.
const inside = (path) => import(new URL(`./node_modules/appium-ios-remotexpc/build/src/${path}`, import.meta.url));
const { RsdServiceCatalogClient } = await inside('lib/remote-xpc/rsd-service-catalog-client.js');
const { AppService } = await inside('services/ios/app-service/index.js');
const { CoreDeviceInfoService } = await inside('services/ios/device-info/index.js');
const { DVTSecureSocketProxyService } = await inside('services/ios/dvt/index.js');
const { ProcessControl } = await inside('services/ios/dvt/instruments/process-control.js');
const { DeviceInfo } = await inside('services/ios/dvt/instruments/device-info.js');
const { Sysmontap } = await inside('services/ios/dvt/instruments/sysmontap.js');
const { ConditionInducer } = await inside('services/ios/dvt/instruments/condition-inducer.js');

const [host, port, bundle] = process.argv.slice(2);
const discovery = new RsdServiceCatalogClient([host, Number(port)]);
const { services } = await discovery.connect();
await discovery.close();
const ports = Object.fromEntries(services.map((s) => [s.serviceName, Number(s.port)]));

// direct makes a service dial what discovery named.
const direct = (service) => {
  service.resolveServiceAddress = async (name) => [host, ports[name]];
  return service;
};
const failure = (promise) => promise.then(() => 'no error', (e) => e.message);

const out = { services: Object.keys(ports).sort() };

const apps = direct(new AppService('udid'));
out.apps = await apps.listApps();
out.launched = (await apps.launchApplication(bundle, { arguments: ['--a', 'b c'], environment: { KEY: 'value' } })).processIdentifier;
out.processes = (await apps.listProcesses()).map((p) => p.processIdentifier);
const ended = direct(new AppService('udid')).monitorProcessTermination(out.launched, { timeoutMs: 10000 });
await apps.sendSignalToProcess(out.launched, 9);
out.ended = await ended;
out.launchFailure = await failure(apps.launchApplication('com.bench.none'));
out.signalFailure = await failure(apps.sendSignalToProcess(99999, 9));
out.uninstallFailure = await failure(apps.uninstallApp(bundle));
out.displays = (await direct(new CoreDeviceInfoService('udid')).getDisplayInfo()).displays.length;

const dvt = direct(new DVTSecureSocketProxyService('udid'));
await dvt.connect();
const control = new ProcessControl(dvt);
const outputs = control.outputEvents();
const pid = await control.launch({ bundleId: bundle, environment: { SAY: 'hello größer' }, arguments: ['x'] });
// The client leaves the arguments of events archived.
const plain = (archive) => archive.$objects[1];
const event = (await outputs.next()).value;
out.dvt = { pid, output: { pid: plain(event.pid), message: plain(event.message) } };
out.dvt.found = await control.getPidForBundleIdentifier(bundle);
const info = new DeviceInfo(dvt);
out.dvt.running = (await info.proclist()).map((p) => p.pid);
out.dvt.isRunning = await info.isRunningPid(pid);
const tap = new Sysmontap(dvt);
for await (const rows of tap.iterProcesses()) {
  out.dvt.row = rows.find((r) => r.pid === pid);
  break;
}
const inducer = new ConditionInducer(dvt);
await inducer.set('ThermalCritical');
out.dvt.condition = (await inducer.list())[0].activeProfile;
await inducer.disable();
await control.kill(pid);
await dvt.close();

console.log(JSON.stringify(out));
process.exit(0);
