using System.Text.Json;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Strict reading: a field that a test does not understand is an error, not something to be passed over.</summary>
internal static class GoldenJson
{
    public static void OnlyFields(JsonElement element, string where, params string[] known)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            Assert.That(known, Does.Contain(property.Name), $"{where}: the field {property.Name} is not understood");
        }
    }

    public static JsonElement Field(JsonElement element, string where, string name)
    {
        Assert.That(element.TryGetProperty(name, out JsonElement value), Is.True, $"{where}: the field {name} is missing");
        return value;
    }

    public static GoldenTensor Tensor(JsonElement element, string where, string name) =>
        GoldenTensor.Read(Field(element, where, name), where + "." + name);

    public static Dictionary<string, GoldenTensor> Tensors(JsonElement element, string where, string name) =>
        Field(element, where, name).EnumerateObject().ToDictionary(p => p.Name, p => GoldenTensor.Read(p.Value, where + "." + p.Name));
}
