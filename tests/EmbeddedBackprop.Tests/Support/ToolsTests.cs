namespace EmbeddedBackprop.Tests.Support;

/// <summary>A test that needs a module of Python finds the interpreter that has it.</summary>
internal sealed class ToolsTests
{
    [Test]
    public void A_Python_is_found_by_the_module_that_it_can_import()
    {
        string python = Tools.RequirePython("json", "python3");
        Assert.That(Tools.RunChecked(Path.GetTempPath(), python, "-c", "import json; print(json.dumps([1]))").Trim(), Is.EqualTo("[1]"));
    }

    [Test]
    public void A_module_that_no_Python_has_is_told_with_its_package()
    {
        ResultStateException told = Assert.Catch<ResultStateException>(() => Tools.RequirePython("no_such_module", "python3-none"))!;
        Assert.That(told.Message, Does.Contain("no_such_module").And.Contain("apt-get install python3-none"));
        bool required = Environment.GetEnvironmentVariable("EBP_REQUIRE_TOOLS") == "1";
        Assert.That(told, required ? Is.InstanceOf<AssertionException>() : Is.InstanceOf<IgnoreException>());
    }
}
