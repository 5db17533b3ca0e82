// Loads the AWS binding class by class. The package ships two entries: index.js, which requires all 2,100 modules at
// once, and lazy-index.js, which requires each when it is first used. jsii takes the first, because package.json names
// it; this swaps it for the second. Where anything is not as expected, the ordinary entry is loaded.
"use strict";
const fs = require("fs");
const Module = require("module");
const path = require("path");

const eager = path.join("@cdktf", "provider-aws", "lib", "index.js");
const resolve = Module._resolveFilename;

Module._resolveFilename = function (...request) {
  const file = resolve.apply(this, request);
  if (typeof file === "string" && file.endsWith(path.sep + eager)) {
    const lazy = path.join(path.dirname(file), "lazy-index.js");
    if (fs.existsSync(lazy)) return lazy;
  }
  return file;
};
