// Uses the virtual iPhone as appium-ios-device does, and fails loudly where the answers are not what was put in.
// usage: node check.cjs UDID BUNDLE_ID PACKAGE.ipa     (USBMUXD_SOCKET_ADDRESS names the socket)
'use strict';
const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const {finished} = require('node:stream/promises');
const {services, utilities} = require('appium-ios-device');

async function collect(stream) {
  const parts = [];
  for await (const part of stream) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function put(files, path, contents) {
  const stream = await files.createWriteStream(path, {autoDestroy: true});
  stream.end(contents);
  await finished(stream);
}

async function checkFiles(files, folder) {
  const contents = crypto.randomBytes(700001);
  await files.createDirectory(`${folder}/check`);
  await put(files, `${folder}/check/random.bin`, contents);
  assert.deepStrictEqual((await files.listDirectory(`${folder}/check`)).filter((n) => !n.startsWith('.')), ['random.bin']);
  const info = await files.getFileInfo(`${folder}/check/random.bin`);
  assert.strictEqual(info.size, contents.length);
  assert.ok(info.isFile());
  const back = await collect(await files.createReadStream(`${folder}/check/random.bin`, {autoDestroy: true}));
  assert.ok(back.equals(contents), 'what was read differs from what was written');
  await files.deleteDirectory(`${folder}/check`);
  await assert.rejects(files.getFileInfo(`${folder}/check/random.bin`));
}

async function main(udid, bundle, pkg) {
  assert.ok((await utilities.getConnectedDevices()).includes(udid), 'the phone is not listed');
  assert.strictEqual(await utilities.getOSVersion(udid), '18.6');
  assert.strictEqual((await utilities.getDeviceInfo(udid)).ProductType, 'iPhone15,4');

  const media = await services.startAfcService(udid);
  await checkFiles(media, '/');
  await put(media, '/PublicStaging/check.ipa', fs.readFileSync(pkg));
  media.close();

  const proxy = await services.startInstallationProxyService(udid);
  await proxy.installApplication('/PublicStaging/check.ipa');
  assert.ok(bundle in await proxy.lookupApplications({bundleIds: [bundle]}), 'the app is not found');
  assert.ok(bundle in await proxy.listApplications({applicationType: 'User'}), 'the app is not listed');

  const arrest = await services.startHouseArrestService(udid);
  const container = await arrest.vendContainer(bundle);
  await checkFiles(container, '/Documents');
  container.close();

  await proxy.uninstallApplication(bundle);
  proxy.close();
  console.log('all checks passed');
}

main(...process.argv.slice(2)).then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
