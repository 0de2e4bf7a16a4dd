#:project ../../src/EmbeddedBackprop
// Writes the features that a net is trained on for other programs: little-endian floats, epoch by epoch and window by window, and names.
// dotnet run -c Release features.cs -- RECORDINGS NET EPOCHS AUGMENTATION SEED FOLDER   (epoch 0 is not augmented)
using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

string path = args[0], net = args[1], folder = Directory.CreateDirectory(args[5]).FullName;
int epochs = int.Parse(args[2], CultureInfo.InvariantCulture);
IReadOnlyList<Recording> recordings = WavReader.ReadAll(path, new WavOptions());
SignalWindows windows = SignalWindows.Cut(recordings, new int[recordings.Count], 1, new SignalWindowOptions { Length = 8000 });
AugmentedSignals augmented = new(windows.Samples, SignalAugmentation.Parse(args[3]), ulong.Parse(args[4], CultureInfo.InvariantCulture));
using Network network = NetCompiler.Compile("input 8000; " + net, null, new NetworkOptions { Batch = 100 });
File.WriteAllLines(Path.Combine(folder, "names.txt"), recordings.Select(recording => recording.Name));
using FileStream file = File.Create(Path.Combine(folder, "features.bin"));
float[] window = new float[8000];
for (int epoch = 0; epoch <= epochs; epoch++)
{
    augmented.BeginEpoch(epoch);
    for (int sample = 0; sample < recordings.Count; sample++)
    {
        (epoch == 0 ? windows.Samples : (IBatchSource)augmented).Gather([sample], window, window.Length, default, 0);
        file.Write(MemoryMarshal.AsBytes(network.Predict(window)));
    }
}

Console.WriteLine($"{recordings.Count} windows, {epochs} epochs and the one that is not changed: {folder}");
