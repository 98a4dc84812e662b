package schema

import (
	"reflect"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/syntax"
)

// event describes one type of event: its data, and when it is written.
type event struct {
	typ  journal.Type
	data reflect.Type
	when string
}

func of[T any](typ journal.Type, when string) event { return event{typ, reflect.TypeFor[T](), when} }

// events are the types of events, in the order in which the page lists them.
var events = []event{
	of[journal.RunStartedData](journal.RunStarted, "The run begins: always the first line, and on the disk before the first step."),
	of[journal.RunPausedData](journal.RunPaused, "Nothing can go on without a person who is not there: the process ends, and the run can be resumed. Durable."),
	of[journal.RunResumedData](journal.RunResumed, "Another process goes on with the run. Durable."),
	of[journal.ChangesAcceptedData](journal.ChangesAccepted, "The runbook was edited since the run began, nothing of it that was executed is touched, and the run goes on with what it says now. Durable."),
	of[journal.RunFinishedData](journal.RunFinished, "The run is over: the last line, unless messages that were left unsent are sent later: then a `run.resumed` and what became of them stand behind it. Durable. A journal without it is of a run that goes on, waits or broke off."),
	of[journal.StepStartedData](journal.StepStarted, "A step begins. A step whose `if` does not hold has none."),
	of[journal.StepFinishedData](journal.StepFinished, "A step has ended or was skipped: once for each key, behind everything else of the step but what its `on_failure` runs. A step that waits for a person in a paused run has none yet."),
	of[journal.AttemptStartedData](journal.AttemptStarted, "An attempt of a check or an action is about to be made, or a message to be sent. An action's and a message's are on the disk before anything is done."),
	of[journal.AttemptFinishedData](journal.AttemptFinished, "The attempt came back. An action's and a message's are on the disk before the run goes on. A resume takes what is here instead of making the attempt again."),
	of[journal.ProcessStartedData](journal.ProcessStarted, "A program was started for an attempt; several for a script that starts several."),
	of[journal.WaitStartedData](journal.WaitStarted, "The run begins to wait: a delay, or the time between two attempts."),
	of[journal.WaitFinishedData](journal.WaitFinished, "The wait is over."),
	of[journal.DecisionMadeData](journal.DecisionMade, "A decision chose, before the steps of its branch. A resume makes it again and must come to the same branch."),
	of[journal.FactSetData](journal.FactSet, "A fact has a new value."),
	of[journal.SecretReplacedData](journal.SecretReplaced, "A secret that a person gave takes the place of a declared one."),
	of[journal.MessageRenderedData](journal.MessageRendered, "A message's text is known. It is on the disk before the message is sent."),
	of[journal.MessageSentData](journal.MessageSent, "A channel took a message: once for each channel, behind the attempt to send it (`told#to.incident`)."),
	of[journal.MessageUnsentData](journal.MessageUnsent, "A message did not reach a channel, or the channel is off. The message stays in the run's outbox until a `message.sent` of the same key; a resume tries again, and what it appends counts in place of what stands there."),
	of[journal.ApprovalRequestedData](journal.ApprovalRequested, "A person is asked. It is written once for each question, even where the question is put again; once more where what it is about is not that any more (`again`): then no earlier answer counts."),
	of[journal.ApprovalAnsweredData](journal.ApprovalAnswered, "The person answered. Durable."),
	of[journal.UndoData](journal.UndoOwed, "An action succeeded that has an `undo`: from here on it is owed. Durable."),
	of[journal.UndoFinishedData](journal.UndoFinished, "What a run that is over still owed has been offered once more. Durable."),
	of[journal.UndoData](journal.UndoSettled, "What was owed is done or declined, or failed and is still owed. Durable."),
	of[journal.ProcedureStartedData](journal.ProcedureStarted, "A step or a branch goes into a procedure."),
	of[journal.RunbookStartedData](journal.RunbookStarted, "A step begins to run another runbook. What happens there has keys below the step's."),
	of[journal.RunbookFinishedData](journal.RunbookFinished, "The other runbook is over; the run goes on."),
	of[journal.ItemStartedData](journal.ItemStarted, "The steps of an `each` begin for one item. Its key is that of the step with the number of the item: `hosts[4]`."),
	of[journal.RunRehearsedData](journal.RunRehearsed, "A rehearsal begins. Rehearsals are shown and never kept."),
	of[journal.StepRehearsedData](journal.StepRehearsed, "What a run would do at a step."),
	of[journal.BranchRehearsedData](journal.BranchRehearsed, "A way that a run could take: a branch of a decision, what follows a failure, an undo, or the steps at the very end. Its steps come behind it."),
}

// operandName is what the schema calls an operand.
const operandName = "Operand"

// operandLists are the fields that hold operands.
var operandLists = []string{"DecisionMadeData.because", "Why.because", "Expectation.because"}

// operandFields are what an operand may hold.
var operandFields = []struct{ key, word, doc string }{
	{"expr", "string", "What was read, as it stands in the file: `steps.api.status`."},
	{"value", "any", "Its value; a large one is cut."},
	{"not_read", "boolean", "It was not reached: what stands before it had decided."},
	{"error", "string", "It could not be computed, and this is why."},
	{"item", "any", "Where it searches a list, such as `any(...)`: the first entry that decided."},
}

var (
	verdicts = []string{"passed", "failed", "error", "skipped"}
	outcomes = append(append([]string{}, syntax.Outcomes...), "completed", "cancelled")
	waits    = []string{"delay", "retry", "poll"}
	asked    = []string{"manual", "confirm", "ask", "in_doubt", "undo"}
)

// fieldWords are the words that a string may be.
var fieldWords = map[string][]string{
	"RunStartedData.mode":         {"run", "drill", "test"},
	"StepChange.how":              {"added", "removed", "changed"},
	"RunFinishedData.outcome":     outcomes,
	"StepStartedData.role":        syntax.Roles,
	"StepFinishedData.role":       syntax.Roles,
	"StepFinishedData.verdict":    verdicts,
	"StepFinishedData.settled":    {"check_after", "person"},
	"AttemptStartedData.role":     {"check", "action", "message"},
	"MessageRenderedData.status":  syntax.IncidentStates,
	"WaitStartedData.for":         waits,
	"WaitFinishedData.for":        append(slices.Clone(waits), "person", "turn"),
	"ApprovalRequestedData.kind":  asked,
	"ApprovalAnsweredData.kind":   asked,
	"Identity.established":        {journal.BySystem, journal.ByFlag, journal.ByVariable, journal.ByScenario, journal.ByProgram},
	"Planned.role":                {"action", "message", "manual", "end"},
	"KnownStep.verdict":           verdicts,
	"UndoData.when":               {"failure", "always"},
	"RunResumedData.for":          {"undo", "cancel"},
	"UndoData.how":                {"done", "declined", "failed"},
	"StepRehearsedData.role":      syntax.Roles,
	"RunbookFinishedData.outcome": outcomes,
}

// fieldDocs say what each field means.
var fieldDocs = map[string]string{
	"Event.seq":  "The line's number, from 1, without gaps.",
	"Event.time": "When it was written, in UTC. It never decides the order: `seq` does.",
	"Event.run":  "The run's id.",
	"Event.type": "What happened.",
	"Event.step": "The id of the step that it is about; missing where it is about the run, and on waits.",
	"Event.key":  "The path to what happened: `triage/api#p3.a2` is attempt 2 of poll 3 of the step `api` in `triage`. Up to the last `#` it is the step's; in a group that is repeated, `triage#p3/api#a1` is the attempt in round 3.",
	"Event.data": "What belongs to the type.",
	"Event.prev": "The `hash` of the line before; empty on the first.",
	"Event.hash": "The hex SHA-256 of this line as it stands, with an empty `hash`.",

	"Place.file": "The file's name.", "Place.line": "The line, from 1.", "Place.column": "The column, from 1.",
	"Link.title": "What is there.", "Link.url": "Where it is.",
	"Error.kind":     "A word of the step's kind, such as `dns`; or `timeout`, `canceled`, `output` (an output could not be computed), `render` (what to do could not be computed).",
	"Error.message":  "What went wrong, for people.",
	"Runbook.name":   "The runbook's `name`.",
	"Runbook.title":  "Its `title`.",
	"Runbook.path":   "The file that was read, as it was named.",
	"Runbook.origin": "Its absolute path, where it has one.",
	"Runbook.digest": "The hex SHA-256 of its bytes. A run is resumed with other bytes only where somebody accepts it.", "Runbook.version": "The author's `version`.",

	"RunStartedData.runbook": "What runs.", "RunStartedData.mode": "The real thing, or a drill in the world of a scenario.",
	"RunStartedData.scenario": "The scenario of a drill.", "RunStartedData.engine": "The version of the program.",
	"RunStartedData.secrets": "The declared secrets that are there, by name; those of another file as FILE:NAME.", "RunStartedData.user": "Who began it.", "RunStartedData.host": "On which machine.", "RunStartedData.dir": "The folder in which a real run goes: what is relative in its steps starts there, also when it is resumed.",
	"RunStartedData.inputs": "The inputs, by name, with their defaults.", "RunStartedData.facts": "The facts before the first step, by name.",
	"RunStartedData.links": "The runbook's links.",
	"RunStartedData.files": "The other files that the runbook is made of. The run's folder keeps a copy of each, as `files/DIGEST`.",
	"File.path":            "The file, as it was named.", "File.digest": "The hex SHA-256 of its bytes. A run is resumed with other bytes only where somebody accepts it.",
	"RunPausedData.waiting":  "The keys of the steps that wait for an answer.",
	"RunResumedData.user":    "Who goes on.",
	"RunResumedData.from":    "The `seq` of the last line before.",
	"ChangesAcceptedData.by": "Who accepted it.", "ChangesAcceptedData.runbook": "The runbook as it is from here on.",
	"ChangesAcceptedData.files":   "The other files that it is made of from here on, as in `run.started`.",
	"ChangesAcceptedData.changed": "The files that say something else. The run's folder keeps what they say now as `files/DIGEST`.",
	"ChangesAcceptedData.steps":   "The steps that are new, gone, or say something else.",
	"ChangesAcceptedData.parts":   "What else is declared otherwise: `permissions`, `inputs`, `facts` and the like.",
	"FileChange.path":             "The file, as it was named.", "FileChange.was": "The hex SHA-256 of its bytes before; missing where it is new.",
	"FileChange.digest": "The hex SHA-256 of its bytes now; missing where it is gone.", "FileChange.diff": "What it says otherwise, as a unified diff.",
	"FileChange.cut":  "The diff is longer than what stands here.",
	"StepChange.step": "The step's id; `PROCEDURE: ID` in a procedure, `ID/STEP` in a runbook that the step ID runs.", "StepChange.how": "What became of it.",
	"RunStartedData.policy": "The organisation's policy under which it runs.",
	"Policy.name":           "The policy's name.", "Policy.path": "Its file, as it was named.", "Policy.origin": "The absolute path of its file, where it has one.", "Policy.digest": "The hex SHA-256 of its bytes.",
	"RunResumedData.policy":   "The organisation's policy under which it goes on: as it is now. A run that went under one does not go on without.",
	"RunResumedData.for":      "What for, where not to go on: `undo`, to undo what a run that is over still owes; `cancel`, to end a run that waits or broke off.",
	"UndoFinishedData.owed":   "How many undos the run owes now.",
	"RunFinishedData.outcome": "How it ended: that of the `end` that was reached; `completed` without one; `failed`; `cancelled`.",
	"RunFinishedData.summary": "The `summary` of the `end`.", "RunFinishedData.error": "Why it failed.",
	"RunFinishedData.failed": "The key of the step that failed it.", "RunFinishedData.facts": "The facts at the end, by name.",
	"RunFinishedData.outputs":  "What the run gives, by name; missing where it failed or was cancelled before.",
	"RunFinishedData.duration": "From the beginning to the end, waiting included.",

	"StepStartedData.role": "The step's role.", "StepStartedData.kind": "The kind of a check or an action.",
	"StepStartedData.title": "Its title, rendered.", "StepStartedData.budget": "Its `timeout`; missing where it has none.",
	"StepStartedData.place": "Where it stands in the file.", "StepStartedData.links": "Its links.",
	"StepFinishedData.role":     "The step's role.",
	"StepFinishedData.verdict":  "`passed`; `failed`: an expectation is false, a person refused, a step inside failed; `error`: it could not be done or computed; `skipped`: its `if` does not hold.",
	"StepFinishedData.duration": "How long it took: of a check or an action the last attempt, of other steps all of it. 0 where it was skipped.",
	"StepFinishedData.reason":   "Why it did not pass, for people.", "StepFinishedData.error": "What the last attempt erred with.",
	"StepFinishedData.results": "The native results of the kind, by name.", "StepFinishedData.outputs": "The step's own outputs, or the values that a person gave, by name.",
	"StepFinishedData.evidence": "What is kept for the postmortem, by name.", "StepFinishedData.expect": "What was expected, in order.",
	"StepFinishedData.settled":   "The action was in doubt and counts as done, because its `check_after` passed or a person said so. What it found is not known, so there are no results.",
	"RunbookStartedData.runbook": "What the step runs.", "RunbookStartedData.inputs": "Its inputs, by name, with their defaults.",
	"RunbookStartedData.facts": "Its facts before its first step, by name.", "RunbookStartedData.links": "Its links.",
	"RunbookFinishedData.outcome": "How it ended, as a run ends.", "RunbookFinishedData.summary": "The `summary` of its `end`.",
	"RunbookFinishedData.error": "Why it failed.", "RunbookFinishedData.failed": "The key of the step that failed it.",
	"RunbookFinishedData.facts": "Its facts at the end, by name.", "RunbookFinishedData.outputs": "What it gives, by name.",
	"StepFinishedData.items":        "Of an `each`: how many items there were.",
	"StepFinishedData.failed_items": "Of an `each`: the items that failed, from 0, in the order in which they did.",
	"ItemStartedData.name":          "What the item is called inside.", "ItemStartedData.index": "Its number in the list, from 0.",
	"ItemStartedData.value":     "The item; a long one is cut.",
	"StepFinishedData.attempts": "How many attempts were made, polls and retries together.",
	"StepFinishedData.earlier":  "Where several attempts were made: what each expectation came to in those before the last, in the order of `expect`. An attempt that erred says nothing.",
	"Tally.held":                "How often it held.", "Tally.not_held": "How often it did not.",
	"Expectation.expr": "The expression.", "Expectation.ok": "Whether it held.", "Expectation.because": "What it read, in order.",
	"Expectation.error": "Why it could not be computed.",

	"AttemptStartedData.role": "The step's role.", "AttemptStartedData.kind": "The step's kind, or the channel's.",
	"AttemptStartedData.request":   "What will be done: the kind's options with every template filled in, by name.",
	"AttemptFinishedData.fields":   "The native results, by name; also where it erred, so far as they are known.",
	"AttemptFinishedData.error":    "Why it could not be done.",
	"AttemptFinishedData.duration": "How long it took.",
	"AttemptFinishedData.ended":    "What ended the attempt from outside: `cancelled`, `stopped` (a step beside it ended the run), or `timeout` with the key of the budget that was up.",
	"ProcessStartedData.pid":       "The process.", "ProcessStartedData.group": "Its process group.", "ProcessStartedData.argv": "The program with its arguments.",
	"ProcessStartedData.started": "When it was started: with the pid it tells the process from a later one of the same number.",
	"ProcedureStartedData.name":  "The procedure.", "ProcedureStartedData.title": "Its title, rendered.",
	"ProcedureStartedData.escalation": "Whom to turn to when it does not help.", "ProcedureStartedData.place": "Where it stands in the file.",
	"WaitStartedData.for": "What the run waits for.", "WaitStartedData.length": "How long it means to wait.",
	"WaitFinishedData.for": "What the run waited for; a `person` who did not answer; `turn`: it had not begun.", "WaitFinishedData.ended": "What ended the wait before its time: `cancelled`, `stopped`, or `timeout` with the key of the budget that was up; `nobody`: nobody was there to answer, and the run went on.",

	"DecisionMadeData.branch": "The id of the branch that was taken; empty where none fitted, which fails the step.", "DecisionMadeData.title": "The branch's title, rendered.",
	"DecisionMadeData.because":   "The operands that the conditions read, in order, each once.",
	"DecisionMadeData.uncertain": "A condition could not be computed; it counts as false, and its error stands in `because`.",
	"DecisionMadeData.choices":   "Where a person chose: the branches that fitted.", "DecisionMadeData.by": "Where a person chose: who.",
	"DecisionMadeData.place": "Where the decision stands in the file.",
	"FactSetData.name":       "The fact.", "FactSetData.value": "Its value from here on.", "FactSetData.was": "Its value before.",
	"SecretReplacedData.name": "The declared secret.", "SecretReplacedData.by": "Who gave the new one.",
	"MessageRenderedData.title": "The step's title, rendered.", "MessageRenderedData.to": "The channels that it is for; none where it is for the journal alone.",
	"MessageRenderedData.text": "The text.", "MessageRenderedData.status": "What the incident on a status page becomes; missing where it stays what it is.",
	"MessageSentData.channel": "The channel, by its name in the file.", "MessageSentData.kind": "Its kind: `slack`, `statuspage`, `webhook`.",
	"MessageSentData.attempts": "How often it was tried.", "MessageSentData.incident": "The incident on the status page that the message belongs to.",
	"MessageUnsentData.channel": "The channel, by its name in the file.", "MessageUnsentData.kind": "Its kind: `slack`, `statuspage`, `webhook`.",
	"MessageUnsentData.attempts": "How often it was tried; missing where it was not.",
	"MessageUnsentData.error":    "Why it was not sent: `off` where a secret of the channel is not there, `refused` where the answer was no success, `denied`, or what kept the answer away, such as `dns` and `timeout`.",

	"ApprovalRequestedData.kind":  "`manual`: a task; `confirm`: a permission; `ask`: a choice among branches; `in_doubt`: an action was under way when the run broke off; `undo`: whether to take an effect back.",
	"ApprovalRequestedData.title": "The step's title, rendered.", "ApprovalRequestedData.text": "What is asked, or what is to be done.",
	"ApprovalRequestedData.shown":   "What will be done when it is approved; for a choice, what the conditions read.",
	"ApprovalRequestedData.name":    "The name by which it is answered: the step's id, `ID/STEP` in a runbook that a step runs, `STEP>undo` for an undo.",
	"ApprovalRequestedData.steps":   "Of a group or an undo: what will be done in it, checks left out.",
	"ApprovalRequestedData.more":    "How many others will be done besides those that stand in `steps`.",
	"ApprovalRequestedData.changes": "The values that are replaced, as the file says.",
	"ApprovalRequestedData.why":     "The way here: branches, items and failures, from the outermost.",
	"ApprovalRequestedData.known":   "What the run had found out.",
	"ApprovalRequestedData.again":   "It takes the place of the request of this key before it, which was about something else.",
	"Planned.step":                  "The step's id.", "Planned.key": "Its key, without rounds.", "Planned.role": "Its role.", "Planned.kind": "The kind of an action.",
	"Planned.title": "Its title, as far as it is known.", "Planned.when": "What has to hold first, from the outermost; as it stands in the file, or in words.",
	"Planned.shown": "What will be done; what only the steps before it will know stands as ‹steps.api.status›.", "Planned.unknown": "The paths that only the steps before it will know.",
	"Planned.asks": "It is asked about by itself when it comes.",
	"Change.name":  "The value's name.", "Change.from": "What it is.", "Change.to": "What it will be.",
	"Why.key": "The key of the decision, of the item's `each`, or of the step that failed.", "Why.branch": "The branch that was taken.", "Why.title": "Its title.",
	"Why.by": "Who chose it.", "Why.uncertain": "A condition could not be computed.", "Why.because": "What the decision read, as in `decision.made`.",
	"Why.item": "The item's name.", "Why.value": "The item; a long one is cut.", "Why.failed": "Why the step failed.",
	"Known.facts": "The facts, by name; a long one is cut.", "Known.steps": "How the last checks, actions and manual steps came out, in the order in which they began.",
	"KnownStep.key": "The step's key.", "KnownStep.title": "Its title.", "KnownStep.verdict": "How it came out.", "KnownStep.reason": "Why it is not passed.", "KnownStep.evidence": "Its evidence, by name.",
	"ApprovalRequestedData.choices": "The answers that may be given.", "ApprovalRequestedData.fields": "The values that are asked for.",
	"ApprovalRequestedData.always": "It is asked even where everything is to be approved.",
	"ApprovalRequestedData.by":     "Who may approve; everybody where it is missing.", "ApprovalRequestedData.count": "How many people have to approve, where it is more than one; each is asked in a question of its own.",
	"ApprovalRequestedData.given":   "Who has approved before.",
	"ApprovalRequestedData.timeout": "How long they have, all together; then it is refused.",
	"ApprovalRequestedData.retype":  "What has to be typed to approve.",
	"ApprovalRequestedData.policy":  "An organisation's policy demands it: which entries of which file, and why.",
	"ApprovalRequestedData.own":     "With `policy`: the step's own `confirm` wants it too.",
	"Choice.id":                     "The answer's word.", "Choice.title": "What it means.",
	"AnswerField.name": "The value's name.", "AnswerField.type": "Its type, in words.", "AnswerField.description": "What it is.",
	"ApprovalRequestedData.attached": "The attachments that the person is shown.",
	"Attachment.name":                "The attachment's name.", "Attachment.title": "Its title.", "Attachment.file": "The file that it was read from, as the runbook names it.",
	"Attachment.text": "Its text, as it is; a long one is cut.", "Attachment.cut": "The text is longer than what stands here.",
	"AnswerField.options": "What it is picked from; a long entry is cut.",
	"AnswerField.secret":  "It must not be seen.", "AnswerField.required": "It must be given.",
	"ApprovalAnsweredData.kind":   "That of the question.",
	"ApprovalAnsweredData.choice": "`approve`, `refuse`, `done`, `could_not`, `again`, `failed`, or the id of a branch.",
	"ApprovalAnsweredData.by":     "Who answered.", "ApprovalAnsweredData.how": "By which way: `terminal`, `--yes`, `--approve`, `--answer`, `scenario`; `timeout` where nobody did in time, which is a refusal.",
	"ApprovalAnsweredData.identity": "How it is known who that is; missing where nobody answered.",
	"ApprovalAnsweredData.saw":      "The question could be seen before it was answered; missing where the answer was given beforehand (`--yes`, or `--approve` before it came up).",
	"Identity.established":          "`system`: the operating system's user of the process; `flag`: a name given with `--as`, which is a claim; `variable`: a name that the environment gave, a claim too; `scenario`: somebody in a scenario; `program`: the program that the engine is built into says so.",
	"Identity.user":                 "The operating system's user.", "Identity.host": "The machine.",
	"RunStartedData.identity":     "How it is known who that is.",
	"RunResumedData.identity":     "How it is known who that is.",
	"ApprovalAnsweredData.values": "The values that were given, by name; a secret one stands as its name.", "ApprovalAnsweredData.note": "What else they said.",
	"UndoData.title": "The action's title, rendered.", "UndoData.when": "`failure`: it is offered when the run fails or is cancelled; `always`: when it ends at all.",
	"UndoData.action": "The key of the action that owes it.", "UndoData.how": "How it was settled. One that failed stays owed.",
	"UndoData.auto": "It is done without asking.",

	"RunRehearsedData.runbook": "What is rehearsed.", "RunRehearsedData.inputs": "The inputs, by name; one that is not known stands as ‹inputs.NAME›.",
	"RunRehearsedData.permissions": "All that the file may do, by list.",
	"RunRehearsedData.needs":       "The programs that have to be installed, with what they depend on.",
	"RunRehearsedData.outputs":     "The expressions of what the run would give, by name.",
	"StepRehearsedData.role":       "The step's role.", "StepRehearsedData.kind": "The kind of a check or an action.", "StepRehearsedData.title": "Its title.",
	"StepRehearsedData.place": "Where it stands in the file.", "StepRehearsedData.if": "Its condition.", "StepRehearsedData.delay": "How long it waits before.",
	"StepRehearsedData.budget": "Its `timeout`.", "StepRehearsedData.retry": "How it is retried, in words.", "StepRehearsedData.poll": "How it polls, in words.",
	"StepRehearsedData.request": "What would be done; what only a run can know stands as ‹steps.api.status›.", "StepRehearsedData.expect": "What would have to hold.",
	"StepRehearsedData.policy": "What an organisation's policy demands approval for before it.", "StepRehearsedData.confirm": "What a person would be asked first.", "StepRehearsedData.instructions": "What a person would be told to do.",
	"StepRehearsedData.collect": "The values that a person would be asked for.", "StepRehearsedData.to": "The channels that the message would go to.",
	"StepRehearsedData.status": "What an incident on a status page would be from then on.",
	"StepRehearsedData.text":   "The message's text.", "StepRehearsedData.ask": "What a person would be asked to choose.",
	"StepRehearsedData.outcome": "The outcome of an `end`.", "StepRehearsedData.summary": "Its summary.", "StepRehearsedData.procedure": "The procedure that is gone into.",
	"StepRehearsedData.attach":   "The attachments that a person would be shown.",
	"StepRehearsedData.runbook":  "The file of the runbook that is run.",
	"StepRehearsedData.each":     "The items of an `each`, in words.",
	"StepRehearsedData.observed": "How a check came out that was really made.",
	"BranchRehearsedData.branch": "The branch's id, or `undo`, `on_failure`, `finally`.", "BranchRehearsedData.title": "Its title.",
	"BranchRehearsedData.when": "When it is taken, as it stands in the file or in words.", "BranchRehearsedData.taken": "It is known that it would be taken.",
}
