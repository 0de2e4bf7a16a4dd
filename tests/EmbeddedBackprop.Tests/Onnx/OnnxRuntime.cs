using System.Runtime.InteropServices;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>
/// Files of ONNX through the checker of ONNX and through ONNX Runtime: one process each for all files, because both take long to start.
/// </summary>
internal static class OnnxRuntime
{
    private const string Package = "onnxruntime-node";

    // x64quantprecision: without it, processors whose products of bytes saturate would give other integers.
    private const string Program = """
        const fs = require('fs');
        const ort = require(process.argv[2]);
        async function main() {
          for (const c of JSON.parse(fs.readFileSync('cases.json'))) {
            const options = { executionProviders: ['cpu'], intraOpNumThreads: 1, graphOptimizationLevel: process.argv[3], logSeverityLevel: 4,
                              extra: { session: { x64quantprecision: '1' } } };
            try {
              const session = await ort.InferenceSession.create(c.file + '.onnx', options);
              const feeds = {};
              c.inputs.forEach((input, i) => {
                const bytes = fs.readFileSync(`${c.file}.in${i}`);
                const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
                feeds[input.name] = new ort.Tensor('float32', floats, input.dims);
              });
              const results = await session.run(feeds);
              c.outputs.forEach((name, i) => {
                const data = results[name].data;
                fs.writeFileSync(`${c.file}.out${i}`, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
              });
            } catch (error) {
              console.error(`${c.name}: ${error.message}`);
              process.exitCode = 1;
            }
          }
        }
        main();
        """;

    private const string Checker = """
        import sys, onnx
        failed = 0
        for path in sys.argv[1:]:
            try:
                onnx.checker.check_model(path, full_check=True)
            except Exception as error:
                print(path, error)
                failed = 1
        sys.exit(failed)
        """;

    /// <summary>The results of all cases: for each its outputs, each with the values of all samples.</summary>
    /// <param name="cases">The files.</param>
    /// <param name="optimised">Whether the runtime may join ops; if not, it computes node by node.</param>
    public static float[][][] Run(IReadOnlyList<OnnxCase> cases, bool optimised = true)
    {
        string node = Tools.Require("node", "nodejs"), package = Path.Combine(Folder(), "node_modules", Package);
        string folder = Directory.CreateTempSubdirectory("ebp-onnx-").FullName;
        try
        {
            List<object> list = [];
            for (int i = 0; i < cases.Count; i++)
            {
                OnnxCase c = cases[i];
                Write(folder, $"{i}.onnx", c.Model);
                for (int k = 0; k < c.Inputs.Length; k++)
                {
                    Write(folder, $"{i}.in{k}", MemoryMarshal.AsBytes(c.Data[k].AsSpan()));
                }

                list.Add(new
                {
                    file = $"{i}",
                    name = c.Name,
                    inputs = c.Inputs.Select(input => new { name = input.Name, dims = Dims(c.Samples, input.Shape) }),
                    outputs = c.OutputNames,
                });
            }

            File.WriteAllText(Path.Combine(folder, "cases.json"), JsonSerializer.Serialize(list));
            File.WriteAllText(Path.Combine(folder, "run.js"), Program);
            _ = Tools.RunChecked(folder, node, "run.js", package, optimised ? "all" : "disabled");
            return [.. cases.Select((c, i) => (float[][])[.. c.OutputNames.Select((_, k) => Read(Path.Combine(folder, $"{i}.out{k}")))])];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Each file is a model by ONNX's own checker, with shapes that fit.</summary>
    public static void Check(IReadOnlyList<OnnxCase> cases)
    {
        string python = Tools.RequirePython("onnx", "python3-onnx"), folder = Directory.CreateTempSubdirectory("ebp-onnx-").FullName;
        try
        {
            for (int i = 0; i < cases.Count; i++)
            {
                Write(folder, $"{i}.onnx", cases[i].Model);
            }

            File.WriteAllText(Path.Combine(folder, "check.py"), Checker);
            _ = Tools.RunChecked(folder, python, ["check.py", .. cases.Select((_, i) => $"{i}.onnx")]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The largest |a - b| / max(1, |b|) over all outputs of a case.</summary>
    public static double Error(OnnxCase c, float[][] results)
    {
        double worst = 0;
        for (int i = 0; i < results.Length; i++)
        {
            Assert.That(results[i], Has.Length.EqualTo(c.Results[i].Length), c.Name);
            for (int k = 0; k < results[i].Length; k++)
            {
                double expected = c.Results[i][k], error = Math.Abs(results[i][k] - expected) / Math.Max(1, Math.Abs(expected));
                worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
            }
        }

        return worst;
    }

    /// <summary>The folder that EBP_ONNXRUNTIME names, or that .ci/run fills; it holds node_modules/onnxruntime-node.</summary>
    private static string Folder()
    {
        string[] folders = [Environment.GetEnvironmentVariable("EBP_ONNXRUNTIME") ?? "", Path.Combine(Repository.Root, "artifacts", "onnxruntime")];
        return Array.Find(folders, folder => folder.Length > 0 && Directory.Exists(Path.Combine(folder, "node_modules", Package)))
            ?? throw Tools.Missing(
                $"the npm package {Package}", $"nodejs npm; then npm install --ignore-scripts --no-save --prefix artifacts/onnxruntime {Package}");
    }

    private static long[] Dims(int samples, Shape shape) => [samples, .. Enumerable.Range(0, shape.Rank).Select(axis => (long)shape[axis])];

    private static void Write(string folder, string name, ReadOnlySpan<byte> bytes) => File.WriteAllBytes(Path.Combine(folder, name), bytes);

    private static float[] Read(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();
}
