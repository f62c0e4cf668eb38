import DitherTestSupport
import Foundation
import Testing

@Suite("dither data", .enabled(if: Program.isBuilt, "dither is not built"))
struct DataTests {
  @Test("lists every set, says which are here, and what an absent one needs")
  func listsAndVerifies() throws {
    let scratch = try Scratch()
    let list = try Program.run("data", "list", "--json", "--root", scratch.path)
    let sets = try #require(try list.json()["data_sets"] as? [[String: Any]])
    let mnist = try #require(sets.first { $0["name"] as? String == "mnist" })
    #expect(mnist["present"] as? Bool == false)
    #expect(sets.contains { $0["name"] as? String == "fashion-mnist" })

    let absent = try Program.run("data", "verify", "mnist", "--root", scratch.path)
    #expect(absent.status == 3 && absent.output.contains("dither data get mnist"))
    let unknown = try Program.run("data", "get", "mnits", "--root", scratch.path)
    #expect(unknown.status == 2 && unknown.errors.contains("did you mean 'mnist'?"))
  }

  @Test("a changed file is found, a failed download leaves nothing")
  func findsChanges() throws {
    let scratch = try Scratch()
    let folder = URL(filePath: scratch.file("uci/iris"))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("5.1,3.5,1.4,0.2,Iris-setosa\n".utf8).write(to: folder.appending(component: "iris.csv"))
    let changed = try Program.run("data", "verify", "iris", "--root", scratch.path, "--json")
    let results = try #require(try changed.json()["data_sets"] as? [[String: Any]])
    #expect(changed.status == 1 && results[0]["ok"] as? Bool == false)

    let failed = try Program.run(
      "data", "get", "wine", "--root", scratch.path, "--mirror", "http://127.0.0.1:1/")
    #expect(failed.status == 5, "\(failed.errors)")
    let left = FileManager.default.enumerator(atPath: scratch.file("wine"))?.allObjects ?? []
    #expect(left.isEmpty)
  }

  @Test("a variable that is empty is none: sets lie below the home folder")
  func home() throws {
    let scratch = try Scratch()
    let told = try Program.run(
      ["data", "verify", "iris"], environment: ["DITHER_DATA": "", "XDG_DATA_HOME": "", "HOME": scratch.path])
    #expect(told.output.contains("\(scratch.path)/.local/share/dither/data"), "\(told.output)\(told.errors)")
  }
}
