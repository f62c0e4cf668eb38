import ArgumentParser

/// All commands, in the order in which `--help` lists them. One file for each in `Commands/`.
var commands: [any ParsableCommand.Type] {
  [
    ServeCommand.self, WorkCommand.self, EnvCommand.self, LoginCommand.self, LogoutCommand.self, PredictCommand.self,
    AuditCommand.self, AuditsCommand.self,
    CompareCommand.self, VerifyCommand.self,
    CalibrateCommand.self, CorruptCommand.self,
    TuneCommand.self, UploadCommand.self, ModelsCommand.self, TrailCommand.self, TopCommand.self, RunCommand.self,
    TrainCommand.self, SweepCommand.self, StudyCommand.self, DataCommand.self, TokensCommand.self,
    DatabaseCommand.self, BenchCommand.self,
  ]
}
