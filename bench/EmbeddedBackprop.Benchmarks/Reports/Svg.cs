using System.Globalization;
using System.Security;
using System.Text;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>A hand-written SVG with a card of its own as background, light or dark as the reader's page is.</summary>
internal sealed class Svg
{
    private readonly StringBuilder body = new();
    private readonly int width, height;

    public Svg(int width, int height, string title, string subtitle)
    {
        (this.width, this.height) = (width, height);
        Text(20, 30, "title", title);
        Text(20, 50, "note", subtitle);
    }

    public void Rectangle(double x, double y, double w, double h, string style) =>
        body.Append(
            CultureInfo.InvariantCulture,
            $"  <rect class=\"{style}\" x=\"{x:F1}\" y=\"{y:F1}\" width=\"{w:F1}\" height=\"{h:F1}\" rx=\"2\"/>\n");

    public void Line(double x1, double y1, double x2, double y2, string style) =>
        body.Append(CultureInfo.InvariantCulture, $"  <line class=\"{style}\" x1=\"{x1:F1}\" y1=\"{y1:F1}\" x2=\"{x2:F1}\" y2=\"{y2:F1}\"/>\n");

    public void Dot(double x, double y, string style) =>
        body.Append(CultureInfo.InvariantCulture, $"  <circle class=\"{style}\" cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"4\"/>\n");

    public void Text(double x, double y, string style, string text, string anchor = "start") =>
        body.Append(
            CultureInfo.InvariantCulture,
            $"  <text class=\"{style}\" x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{SecurityElement.Escape(text)}</text>\n");

    /// <summary>Text turned about its beginning, in degrees clockwise.</summary>
    public void TurnedText(double x, double y, double angle, string style, string text) =>
        body.Append(
            CultureInfo.InvariantCulture,
            $"  <text class=\"{style}\" transform=\"translate({x:F1} {y:F1}) rotate({angle:F1})\">{SecurityElement.Escape(text)}</text>\n");

    public void Save(string path)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{width}} {{height}}" width="{{width}}" height="{{height}}" role="img">
              <style>
                text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
                .title { font-size: 15px; font-weight: 600 }
                .note { fill: #57606a }
                .card { fill: #ffffff; stroke: #d0d7de }
                .grid { stroke: #d0d7de }
                .loop { fill: #8c959f } .vector { fill: #2f81f7 } .tiled { fill: #e8730c } .green { fill: #2da44e } .violet { fill: #a371f7 }
                .small { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 3; stroke-linejoin: round }
                .roof { stroke: #57606a; stroke-width: 1.5 } .roof-dashed { stroke: #57606a; stroke-dasharray: 5 5 } .leader { stroke: #8c959f }
                .loop-line, .vector-line, .tiled-line, .loop-dashed, .vector-dashed, .tiled-dashed { stroke-width: 2.5 }
                .loop-line, .loop-dashed { stroke: #8c959f } .vector-line, .vector-dashed { stroke: #2f81f7 } .tiled-line, .tiled-dashed { stroke: #e8730c }
                .loop-dashed, .vector-dashed, .tiled-dashed { stroke-dasharray: 6 5 }
                @media (prefers-color-scheme: dark) {
                  text { fill: #e6edf3 } .note { fill: #9da7b3 } .card { fill: #0d1117; stroke: #30363d } .grid { stroke: #30363d }
                  .roof, .roof-dashed { stroke: #9da7b3 } .small { stroke: #0d1117 }
                }
              </style>
              <rect class="card" x="0.5" y="0.5" width="{{width - 1}}" height="{{height - 1}}" rx="6"/>

            """);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text.Replace("\r\n", "\n", StringComparison.Ordinal) + body + "</svg>\n");
    }
}
