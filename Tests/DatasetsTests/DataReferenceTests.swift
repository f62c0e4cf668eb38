import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// The one way in which data are named: sets, paths, options, parts.
@Suite("References to data")
struct DataReferenceTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let text: String, name: String, options: [String: String], part: Range<Int>?, isPath: Bool
    var testDescription: String { text }
  }

  @Test(
    "name, options and part",
    arguments: [
      Row(text: "mnist", name: "mnist", options: [:], part: nil, isPath: false),
      Row(text: "mnist:100", name: "mnist", options: [:], part: 0..<100, isPath: false),
      Row(text: "mnist:5-7", name: "mnist", options: [:], part: 5..<7, isPath: false),
      Row(text: "concrete?split=3", name: "concrete", options: ["split": "3"], part: nil, isPath: false),
      Row(text: "concrete?split=3:20", name: "concrete", options: ["split": "3"], part: 0..<20, isPath: false),
      Row(
        text: "rastrigin?dimensions=5&noise=1/10:9", name: "rastrigin", options: ["dimensions": "5", "noise": "1/10"],
        part: 0..<9, isPath: false),
      Row(text: "./photos", name: "./photos", options: [:], part: nil, isPath: true),
      Row(text: "photos/?size=32:8", name: "photos/", options: ["size": "32"], part: 0..<8, isPath: true),
      Row(text: "/a:b/x.npz:3", name: "/a:b/x.npz", options: [:], part: 0..<3, isPath: true),
      Row(text: "d/x.npy,d/y.npy:3-4", name: "d/x.npy,d/y.npy", options: [:], part: 3..<4, isPath: true),
      Row(text: "t.csv?target=a=b", name: "t.csv", options: ["target": "a=b"], part: nil, isPath: true),
    ])
  func parsed(_ row: Row) throws {
    let reference = try DataReference(row.text)
    #expect(reference.name == row.name && reference.options == row.options && reference.part == row.part)
    #expect(reference.isPath == row.isPath && reference.description == row.text)
    #expect(reference.whole.part == nil && reference.whole.name == row.name)
  }

  @Test("options that are none are refused", arguments: ["a?", "a?b", "a?=1", "a?b=", "a?b=1&b=2", "a?b=1&", "a?:3"])
  func options(_ text: String) { expectFault(.malformed, says: "KEY=VALUE") { _ = try DataReference(text) } }

  @Test("a stranger's request reads no file; the user's word for a folder is mended")
  func access() throws {
    let folder = try Folder(texts: ["t.csv": "1,2\n3,4\n5,6\n"])
    #expect(throws: CatalogError.self) { try Dataset.load(folder.file("t.csv")) }
    #expect(try folder.load("t.csv").count == 1)
    do {
      _ = try Dataset.load(folder.file("t.csv"))
    } catch { #expect("\(error)".contains("not by a server")) }
    expectFault(.absent, says: "dither data list") { _ = try folder.load("none.csv") }
    expectFault(.unsupported, says: "?form=NAME: pictures") {
      try folder.write([1], "t.bin")
      _ = try folder.load("t.bin")
    }
    #expect(throws: CatalogError.self) { try folder.load("t.csv?form=tabel") }
    #expect(try folder.load("t.csv?form=table").count == 1)
    expectFault(.unsupported, says: "a plain file") { _ = try folder.load("?form=table") }
  }

  @Test("options that a set has not are refused with those that there are")
  func unknown() throws {
    for (text, words) in [
      ("sphere?dimension=3", "did you mean 'dimensions'"), ("sphere?dimensions=11", "2 to 10"),
      ("mnist?size=3", "no parameters"), ("concrete?split=20", "0 to 19"), ("concrete?spilt=1", "did you mean 'split'"),
      ("protein?split=5", "0 to 4"), ("sst2?length=0", "1 to"),
    ] {
      do {
        _ = try Dataset.load(text)
        Issue.record("\(text) was read")
      } catch { #expect("\(error)".contains(words), "\(error)") }
    }
  }

  @Test("a part of a path is as of a name, and is refused where it ends behind the last")
  func parts() throws {
    let folder = try Folder(texts: ["t.csv": (0..<50).map { "\($0),\($0 % 7).5" }.joined(separator: "\n")])
    let all = try folder.load("t.csv"), some = try folder.load("t.csv:3-7")
    #expect(all.count == 10 && some.count == 4 && some.start == 3 && some.inputs == all.inputs.rows(3..<7))
    #expect(some.name == folder.file("t.csv") && some.origin == all.origin)
    expectFault(.malformed, says: "up to 10") { _ = try folder.load("t.csv:11") }
  }
}
