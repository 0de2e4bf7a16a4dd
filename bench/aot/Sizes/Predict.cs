using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

// Predicts one picture by a net that the program knows; only its weights come from the file: Predict MODEL
#if SEPARATE
const Arithmetic arithmetic = Arithmetic.Separate;
#else
const Arithmetic arithmetic = Arithmetic.Fused;
#endif
Network network = new Sequential(784).Dense<Relu>(30).Dense(10, new Softmax()).Compile(new NetworkOptions { Arithmetic = arithmetic, Batch = 1 });
ModelFile.LoadWeights(args[0], network);
Console.WriteLine(network.Predict(new float[784])[0].ToString("R", System.Globalization.CultureInfo.InvariantCulture));
