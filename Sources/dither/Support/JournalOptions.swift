import ArgumentParser
import DitherJobs

/// A part of some work that processes share by a folder.
struct PartOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Do only this part of the work, of N, from 1 on; the same command without it does what is missing, and reports. Parts run side \
      by side, on machines of one kind that share the folder.
      """, valueName: "I/N"),
    transform: { try WorkPart(parsing: $0) })
  var part: WorkPart?
}

/// Where an audit without a server keeps its shards.
struct JournalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Keep the result of each shard in this folder: the same command goes on where a stopped or killed one was. (An ONNX file's \
      audit; a server keeps a journal of its own.)
      """, valueName: "folder"))
  var journal: String?
  @OptionGroup var share: PartOption
  @Option(
    help: """
      Newest instructions that kernels may use (sse41, avx, avx2, avx512_core), so that parts on several kinds of CPU give the same \
      bits. (default: the newest that the CPU has)
      """)
  var isa: String?

  /// - Throws: where they do not go with the rest.
  func check(isLocal: Bool, hasBudget: Bool) throws {
    guard journal != nil else {
      if share.part != nil { throw ValidationError("--part goes with --journal, the folder that the parts share") }
      return
    }
    guard isLocal else {
      throw ValidationError(
        "--journal goes with an ONNX file; a server keeps a journal of its own, and goes on by itself")
    }
    guard !hasBudget else {
      throw ValidationError("--budget does not go with --journal: what is found would depend on each process's time")
    }
  }
}
