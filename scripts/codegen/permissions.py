"""What each method asks of its caller. A method without a line here stops the generator.

open     anyone
known    anyone who has shown who they are
member   anyone of the tenant of the request's scope; the handler asks for each agent
read, write, share     of the data of the request's scope
named    read, of the data of the request's scope when it names one; else known
admin    of the tenant of the request's scope
operate  of the server
"""
BY_SERVICE = {
    "AccessService": {
        "known": "WhoAmI",
        "share": "SetGrant RemoveGrant ListGrants",
        "admin": "CreateKey ListKeys RevokeKey RotateKey ListRefusals GetQuota",
        "operate": "SetQuota",
    },
    "AdminService": {"open": "Health Echo", "read": "Stats", "operate": "Backup"},
    "AuditService": {
        "write": "RecordAudit",
        "read": "GetAuditHead ProveInclusion ProveConsistency VerifyAudit GetAuditRules",
        "admin": "ListAudit SetAuditRules ListViolations WatchViolations ReportAudit",
    },
    "CheckpointService": {
        "read": "ReadCheckpoints",
        "write": "PutCheckpoint PutWrites DeleteThreads DeleteRuns CopyThread PruneThreads",
    },
    "CompressionService": {
        "named": "Score Compress Summarize PlanCompression Expand",
        "read": "CompressStream GetCompressionPolicy ReportCompactions GetCompressionStats",
        "write": "CompactContext CompactMemories UndoCompaction SetCompressionPolicy",
        "admin": "SetTenantCompressionPolicy",
    },
    "ContextService": {
        "read": "GetContext ListContexts ListMessages Export SearchMessages ExplainMessageMiss ListBranches "
        "AssembleContext",
        "write": "CreateContext DeleteContext Append AppendStream DeleteMessages UpdateContext PinMessages "
        "ForkContext MergeBranch",
    },
    "EmbeddingService": {"known": "Encode EncodeStream ListModels Similarity GetEncoderStats", "read": "Project"},
    "ErasureService": {"read": "GetErasure ListErasures", "admin": "Forget"},
    "ExperienceService": {
        "read": "GetExperience ListExperiences FindSimilarExperiences FindPatterns",
        "write": "RecordExperiences DeleteExperiences",
    },
    "FeedbackService": {"read": "ListFeedback AnalyzeFeedback", "write": "GiveFeedback ReportMetrics"},
    "LearningService": {
        "read": "ExportDecisions ListLearningCycles ListAdjustments GetTuning ListConsolidations ListWeakMemories",
        "write": "RecommendStrategy ReportOutcome RunLearningCycle ProposeAdjustment DecideAdjustment "
        "ConsolidateMemories UndoConsolidation ReinforceMemories",
    },
    "MemoryService": {
        "read": "GetMemory ListMemories SearchMemories ExplainMiss GetMemoryPolicy",
        "write": "AddMemories UpdateMemory DeleteMemories RestoreMemories SetMemoryPolicy",
    },
    "SessionService": {
        "read": "GetSession ListSessions ListTransitions GetVariables ListSnapshots DiffSnapshots ExportSnapshot",
        "write": "CreateSession TransitionSession HeartbeatSession DeleteSession SetVariables TakeSnapshot "
        "PruneSnapshots RollbackSession ForkSession",
    },
    "StateService": {"read": "GetCurrent", "member": "SearchAgents"},
    "TraceService": {
        "read": "GetTrace ListTraces SearchSteps TailSteps GetStepBlob AnalyzeTrace CompareTraces "
        "CompareTraceGroups ReplayTrace NextRecorded DebugTrace ExportOtlp "
        "GetTracePolicy",
        "write": "WriteSteps StreamSteps DeleteTraces ForkTrace ImportOtlp",
        "admin": "SetTracePolicy",
    },
    "VectorService": {
        "read": "DescribeCollection ListCollections FetchPoints SearchVectors SearchBatch SearchRange Recommend "
        "ScrollPoints CollectionStats",
        "write": "CreateCollection DropCollection SetAlias DeleteAlias Upsert UpsertStream DeletePoints "
        "OptimizeCollection",
    },
}


def of(service, method):
    for permission, methods in BY_SERVICE.get(service, {}).items():
        if method in methods.split():
            return permission
    raise SystemExit(f"scripts/codegen/permissions.py: {service}.{method} is missing")
