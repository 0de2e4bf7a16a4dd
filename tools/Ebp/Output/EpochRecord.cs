using System.Text.Json;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>One line of the training's history.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Loss">Mean loss of the batches, each before its update.</param>
/// <param name="TrainAccuracy">From 0 to 1, each batch before its update; null where values are predicted.</param>
/// <param name="TestLoss">Mean loss over the test part.</param>
/// <param name="TestAccuracy">From 0 to 1; null where values are predicted.</param>
/// <param name="ValidationLoss">Mean loss over the validation part; null without one.</param>
/// <param name="ValidationAccuracy">From 0 to 1; null without a validation part, or where values are predicted.</param>
/// <param name="Seconds">Of training alone.</param>
internal sealed record EpochRecord(
    int Epoch,
    double Loss,
    double? TrainAccuracy,
    double TestLoss,
    double? TestAccuracy,
    double? ValidationLoss,
    double? ValidationAccuracy,
    double Seconds)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteNumber("epoch", Epoch);
        writer.WriteNumberOrNull("loss", Loss);
        writer.WriteNumberOrNull("train_accuracy", TrainAccuracy);
        writer.WriteNumberOrNull("test_accuracy", TestAccuracy);
        writer.WriteNumberOrNull("test_loss", TestLoss);
        if (ValidationLoss is not null)
        {
            writer.WriteNumberOrNull("validation_accuracy", ValidationAccuracy);
            writer.WriteNumberOrNull("validation_loss", ValidationLoss);
        }

        writer.WriteNumber("seconds", Seconds);
        writer.WriteEndObject();
    }

    public static EpochRecord Read(JsonElement element) => new(
        element.GetProperty("epoch").GetInt32(), Number(element, "loss") ?? double.NaN, Number(element, "train_accuracy"),
        Number(element, "test_loss") ?? double.NaN, Number(element, "test_accuracy"),
        Number(element, "validation_loss"), Number(element, "validation_accuracy"), Number(element, "seconds") ?? 0);

    private static double? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
