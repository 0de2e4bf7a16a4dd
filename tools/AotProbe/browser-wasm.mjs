// Runs the probe in WebAssembly: node browser-wasm.mjs [steps]. The runtime lies beside this file (AotProbe.csproj, ProbeFor).
import { readdirSync } from "node:fs";
import { dotnet } from "./dotnet.js";

// The runtime starts with these two; the others are found by name when they are asked for.
const core = ["System.Private.CoreLib.dll", "System.Runtime.InteropServices.JavaScript.dll"];
const assemblies = readdirSync(import.meta.dirname).filter(name => name.endsWith(".dll"));
const asset = name => ({ name, virtualPath: name });
await dotnet.withConfig({
    mainAssemblyName: "AotProbe",
    globalizationMode: "invariant",
    resources: {
        jsModuleNative: [{ name: "dotnet.native.js" }],
        jsModuleRuntime: [{ name: "dotnet.runtime.js" }],
        wasmNative: [{ name: "dotnet.native.wasm" }],
        coreAssembly: core.map(asset),
        assembly: assemblies.filter(name => !core.includes(name)).map(asset),
    },
}).withApplicationArguments(...process.argv.slice(2)).run();
