using System.IO.Enumeration;

namespace EmbeddedBackprop.Mutation;

/// <summary>A part of the library: the files whose mutants are judged, and the fixtures that judge them, without their slow tests.</summary>
internal sealed record Area(string[] Files, string[] Fixtures)
{
    public static IReadOnlyDictionary<string, Area> All { get; } = new Dictionary<string, Area>
    {
        ["kernels"] = new(
            [
                "Kernels/Products/Reduce*.cs", "Kernels/Products/Transpose.cs", "Kernels/Products/OneSampleAffine.cs", "Kernels/Norms/RowNorm.cs",
                "Kernels/Norms/SoftmaxKernels.cs", "Kernels/Norms/MaxNorm.cs", "Kernels/Random/DropoutMask.cs", "Kernels/Random/CounterRandom.cs",
                "Kernels/Integers/Requantize*.cs", "Kernels/Pooling/PoolRow.cs",
            ],
            [
                "Kernels.ReduceTests", "Kernels.OneSampleAffineTests", "Kernels.NormTests", "Kernels.SoftmaxTests", "Kernels.MaxNormTests",
                "Kernels.CounterRandomTests", "Kernels.DropoutMaskTests", "Kernels.Integers.RequantizeTests", "Kernels.Pool2DTests",
                "Kernels.TransposeTests", "Training.GradientNormTests",
            ]),
        ["planner"] = new(
            ["Graphs/Planner*.cs", "Graphs/StepFinder.cs", "Graphs/Shape.cs", "Graphs/Layout.cs", "Graphs/PlanBuilder.cs"],
            [
                "Graphs.WrongUseTests", "Graphs.FusionTests", "Graphs.StateTests", "Graphs.GraphNetworkTests", "Graphs.PlanTests",
                "Graphs.PlannerTests", "Graphs.MovesTests", "Graphs.BudgetTests", "Training.FrozenLayersTests", "Quantization.IntegerNetTests",
            ]),
        ["readers"] = new(
            [
                "Data/Csv*.cs", "Data/IdxReader.cs", "Data/StrokeReader.cs", "IO/SafetensorsHeader.cs", "IO/JsonCursor.cs", "IO/Npy*.cs",
                "IO/NpzFile.cs", "IO/ModelFile*.cs", "Onnx/ProtoReader.cs", "Onnx/OnnxReader.cs",
            ],
            [
                "Data.CsvReaderTests", "Data.IdxReaderTests", "Data.StrokeReaderTests", "IO.SafetensorsFileTests", "IO.SafetensorsWriterTests",
                "IO.NpzFileTests", "IO.ModelFileTests", "IO.ModelFileWeightsTests",
                "IO.ModelFileGraphTests", "IO.ModelFileResumeTests", "IO.QuantizedModelFileTests",
                "IO.ModelStreamTests", "Onnx.ProtoReaderTests", "Onnx.OnnxImportTests", "Onnx.OnnxNodeTests",
                "Onnx.OnnxRefusalTests", "Onnx.OnnxMessageTests",
            ]),
        ["text"] = new(
            [
                "Export/Text/CFormula*.cs", "Export/Text/CText.cs", "Export/Text/CValue.cs", "Export/Text/CProgram.cs", "Export/Options/CTarget.cs",
            ],
            ["Export.CTextTests", "Export.CProgramTests", "Export.CFormulaTests", "Export.CTargetTests"]),
        ["exporter"] = new(
            ["Export/Ops/*.cs", "Export/Model/*.cs", "Export/Files/*.cs", "Export/Update/*.cs"],
            [
                "Export.CTargetTests", "Export.CExporterTests", "Export.CActivationTests", "Export.CRecomputeTests", "Export.CCarryTests",
                "Export.CFirstWeightsTests", "Export.CUpdateTests", "Export.CBlockTests", "Export.CPartsTests", "Export.CHostileTests",
                "Export.CIntegerTests", "Export.CRandomIntegerTests", "Export.CTrainingTests", "Export.CRandomTrainingTests", "Export.CBlobTests",
                "Export.CCmsisTests", "Export.CRawInputTests", "Export.CRuntimeTests", "Export.CSaveTests", "Export.CTraceTests",
                "Export.CGoldenTests", "Export.Model.CMovesTests", "Export.CStorageTests", "Export.CConvTrainingTests", "Export.CGatesTests",
                "Export.COpsTests", "Export.COwnFormulaTests", "Export.COwnOpTests", "Export.CSequenceTrainingTests", "Export.CScheduleTests",
                "Export.CTrainingUpdateTests", "Export.CWordsTests", "Export.CVariantsTests",
            ]),
    };

    public bool Contains(string file) => Files.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, file, ignoreCase: false));
}
