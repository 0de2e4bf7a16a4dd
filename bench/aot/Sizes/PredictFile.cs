using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

// Predicts one picture by whatever net the file holds: PredictFile MODEL
Network network = ModelFile.Open(args[0]).ToNetwork(batch: 1);
Console.WriteLine(network.Predict(new float[784])[0].ToString("R", System.Globalization.CultureInfo.InvariantCulture));
