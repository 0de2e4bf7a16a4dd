using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

public sealed class AtomicFileTests
{
    private static readonly byte[] s_old = [1, 2, 3];

    private string _folder = "";
    private string _path = "";

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("ebp-atomic-").FullName;
        _path = Path.Combine(_folder, "model.bin");
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_new_file_is_written()
    {
        AtomicFile.WriteAllBytes(_path, s_old);
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(s_old));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void An_old_file_is_replaced_and_keeps_its_permissions()
    {
        File.WriteAllBytes(_path, s_old);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        AtomicFile.Write(_path, stream => stream.Write("new"u8));
        Assert.That(File.ReadAllText(_path), Is.EqualTo("new"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(_path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
    }

    [Test]
    public void A_relative_path_is_taken_from_the_current_folder()
    {
        string path = Path.GetRelativePath(Environment.CurrentDirectory, _path);
        AtomicFile.WriteAllBytes(path, s_old);
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(s_old));
    }

    [Test]
    public void A_symbolic_link_stays_a_link()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Symbolic links need a privilege on Windows.");
        }

        string link = Path.Combine(_folder, "latest.bin");
        File.WriteAllBytes(_path, s_old);
        _ = File.CreateSymbolicLink(link, _path);
        AtomicFile.Write(link, stream => stream.Write("new"u8));
        Assert.That(new FileInfo(link).LinkTarget, Is.EqualTo(_path));
        Assert.That(File.ReadAllText(_path), Is.EqualTo("new"));
    }

    [TestCase("missing/model.bin")]
    [TestCase("model.bin/below-a-file.bin")]
    [TestCase("folder")]
    public void A_path_that_cannot_be_written_is_named(string relative)
    {
        File.WriteAllBytes(_path, s_old);
        _ = Directory.CreateDirectory(Path.Combine(_folder, "folder"));
        string path = Path.Combine(_folder, relative);
        IOException? error = Assert.Throws<IOException>(() => AtomicFile.WriteAllBytes(path, s_old));
        Assert.That(error!.Message, Does.StartWith($"cannot write '{path}': "));
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(s_old));
    }

    [Test]
    public void A_device_is_not_renamed_over()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("Windows has no device files.");
        }

        IOException? error = Assert.Throws<IOException>(() => AtomicFile.WriteAllBytes("/dev/ebp-no-such-device", s_old));
        Assert.That(error!.Message, Does.Contain("device"));
    }

    [Test]
    public void The_callers_own_exception_passes_and_leaves_the_old_file()
    {
        File.WriteAllBytes(_path, s_old);
        _ = Assert.Throws<DivideByZeroException>(() => AtomicFile.Write(_path, stream =>
        {
            stream.Write("half"u8);
            throw new DivideByZeroException();
        }));
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(s_old));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void What_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not()
    {
        string abandoned = Path.Combine(_folder, ".model.bin.0123456789abcdef0123456789abcdef.tmp");
        string living = Path.Combine(_folder, ".model.bin.fedcba9876543210fedcba9876543210.tmp");
        string other = Path.Combine(_folder, ".model.bin.mine.tmp");
        File.WriteAllBytes(abandoned, s_old);
        File.WriteAllBytes(other, s_old);
        using (new FileStream(living, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            AtomicFile.WriteAllBytes(_path, s_old);
        }

        Assert.That(File.Exists(abandoned), Is.False);
        Assert.That(File.Exists(living), Is.True);
        Assert.That(File.Exists(other), Is.True);
    }

    /// <summary>Fail the first step, the second, ... until a write succeeds; the file is the old one or the new one, whole.</summary>
    [Test]
    public void A_failure_at_any_step_leaves_a_whole_file()
    {
        SafetensorsWriter old = Model(1), next = Model(2);
        int failures = 0, oldLeft = 0;
        while (true)
        {
            old.Save(_path);
            FailingOperations operations = new(failAt: failures + 1);
            try
            {
                next.Save(_path, operations);
                break;
            }
            catch (IOException error)
            {
                Assert.That(error.Message, Does.StartWith($"cannot write '{_path}': injected"));
                failures++;
            }

            float value = ValueOf(_path);
            // The folder is flushed after the rename: the new file is there, but was not acknowledged.
            Assert.That(value, Is.EqualTo(operations.Replaced ? 2f : 1f));
            oldLeft += value == 1f ? 1 : 0;
            Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1), "a temporary file is left");
        }

        Assert.That(ValueOf(_path), Is.EqualTo(2f));
        TestContext.Out.WriteLine($"{failures} steps failed one after the other, {oldLeft} of them before the rename");
        // create, header, tensor, flush, rename, folder
        Assert.That(failures, Is.EqualTo(6));
        Assert.That(oldLeft, Is.EqualTo(5));
    }

    /// <summary>The control: the same check, had the writer opened the target itself.</summary>
    [Test]
    public void The_failure_check_sees_a_file_written_in_place()
    {
        Model(1).Save(_path);
        using (FileStream stream = new(_path, FileMode.Create))
        {
            _ = Assert.Throws<IOException>(() => Model(2).Write(new FailingStream(stream, new FailingOperations(failAt: 2))));
        }

        _ = Assert.Throws<DataFormatException>(() => ValueOf(_path));
    }

    private static SafetensorsWriter Model(float value)
    {
        SafetensorsWriter writer = new();
        writer.Add("weights", [2, 2], [value, value, value, value]);
        return writer;
    }

    private static float ValueOf(string path)
    {
        float[] values = new float[4];
        SafetensorsFile.Read(path, requireChecksums: true).GetTensor("weights").CopyTo(values);
        return values[0];
    }

    private sealed class FailingOperations(int failAt) : FileOperations
    {
        private int _step;

        public bool Replaced { get; private set; }

        public void Step()
        {
            if (++_step == failAt)
            {
                throw new IOException("injected");
            }
        }

        public override Stream Create(string path)
        {
            Step();
            return new FailingStream(base.Create(path), this);
        }

        public override void Flush(Stream stream)
        {
            Step();
            base.Flush(((FailingStream)stream).Inner);
        }

        public override void Replace(string temporary, string target)
        {
            Step();
            base.Replace(temporary, target);
            Replaced = true;
        }

        public override void FlushFolder(string folder)
        {
            Step();
            base.FlushFolder(folder);
        }
    }

    private sealed class FailingStream(Stream inner, FailingOperations operations) : Stream
    {
        public Stream Inner => inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            operations.Step();
            inner.Write(buffer);
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
