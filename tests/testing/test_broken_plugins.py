"""The kit catches every plugin with a fault, and no plugin without one."""

import importlib
import sys
from pathlib import Path

import pytest

from kpframework.testing.conformance import executor_checks, tracker_checks
from kpframework.testing.conformance.model import checks_of
from kpframework.testing.conformance.suite import Suite
from kpframework.testing.distributions import fake_plugin

FOLDER = Path(__file__).parents[2] / "contrib/broken-plugins"
READS = {"path": "kb/vectors.npy", "ids": "kb/ids.txt"}
SPLITS = {split: f"typing/{split}.jsonl" for split in ("train", "dev", "test")}

CAUGHT_BY = {
    "kb_asks_the_network": "kb::uses_no_network",
    "kb_can_be_read_once": "kb::can_be_read_again",
    "kb_changes_the_global_seed": "kb::leaves_global_state",
    "kb_duplicate_ids": "kb::ids_are_unique",
    "kb_triples_name_unknown_entities": "kb::triples_join_its_entities",
    "kb_writes_where_it_runs": "kb::writes_into_its_scratch_alone",
    "linker_depends_on_the_batch": "linker::a_batch_is_linked_as_single_texts",
    "linker_ids_not_in_the_kb": "linker::entities_are_in_the_kb",
    "linker_loses_roles": "linker::roles_are_kept",
    "linker_not_deterministic": "linker::is_deterministic",
    "linker_offsets_with_a_blank": "linker::offsets_cover_the_mention",
    "linker_overlapping_mentions": "linker::mentions_do_not_overlap",
    "linker_wrong_offsets": "linker::offsets_cover_the_mention",
    "embeddings_ids_not_in_the_kb": "embeddings::ids_are_in_the_kb",
    "embeddings_keep_a_pickle": "embeddings::uses_no_pickle",
    "embeddings_not_finite": "embeddings::vectors_are_finite",
    "embeddings_read_no_triples": "embeddings::reads_triples_as_declared",
    "embeddings_unseeded": "embeddings::is_deterministic",
    "embeddings_wrong_order": "embeddings::vectors_belong_to_their_ids",
    "embeddings_wrong_row_count": "embeddings::a_row_for_each_id",
    "mapper_normalises_over_the_batch": "mapper::rows_are_mapped_alone",
    "mapper_state_is_not_saved": "mapper::weights_are_in_the_state",
    "mapper_wrong_width": "mapper::width_is_the_hosts",
    "injector_answers_at_random": "injector::answers_are_repeatable",
    "injector_changes_texts_without_mentions": "injector::texts_without_mentions_are_unchanged",
    "injector_edits_outside_of_the_text": "injector::edits_lie_in_the_text",
    "injector_gradients_into_the_host": "injector::no_gradient_reaches_the_host",
    "injector_hides_that_it_trains": "injector::declarations_are_true",
    "injector_injects_unknown_entities": "injector::out_of_kb_mentions_change_nothing",
    "injector_leaves_a_hook": "injector::detach_restores_the_host",
    "injector_modifies_the_host": "injector::host_unchanged",
    "injector_replaces_forward": "injector::detach_restores_the_host",
    "injector_rows_contaminate_each_other": "injector::rows_of_a_batch_are_answered_alone",
    "injector_state_is_not_saved": "injector::save_and_load_are_bit_equal",
    "injector_trains_the_host": "injector::host_unchanged",
    "task_decides_within_the_batch": "task::decisions_do_not_depend_on_the_batch",
    "task_loss_is_a_sum": "task::loss_is_a_mean_over_examples",
    "task_metric_depends_on_batch_order": "task::metrics_do_not_depend_on_the_batch",
    "task_metric_is_upside_down": "task::a_lower_loss_scores_better",
    "task_reads_test_labels": "task::test_examples_are_unread_while_training",
    "task_spans_are_shifted": "task::spans_lie_in_the_text",
    "host_forgets_the_head": "host::save_and_load_are_bit_equal",
    "host_saves_a_pickle": "host::saves_no_pickle",
    "tracker_expects_metrics_of_every_row": "tracker::rows_that_failed_are_taken",
    "tracker_forgets_to_end_a_failed_run": "tracker::a_run_may_follow_another",
    "tracker_knows_two_statuses": "tracker::steps_of_every_status_are_taken",
    "tracker_leaves_a_thread": "tracker::no_thread_is_left",
    "tracker_leaves_its_file_open": "tracker::its_files_are_closed",
    "tracker_needs_a_step": "tracker::a_run_may_fail_before_its_first_step",
    "tracker_takes_the_plan_apart": "tracker::arguments_are_left_alone",
    "tracker_waits_for_its_sink": "tracker::a_failing_sink_does_not_hold_up_the_run",
    "tracker_writes_into_a_folder_to_come": "tracker::the_folder_need_not_be_there",
    "executor_goes_on_after_an_error": "executor::an_error_stops_the_workers",
    "executor_goes_on_when_closed": "executor::closing_stops_the_workers",
    "executor_hides_where_it_works": "executor::in_process_is_as_declared",
    "executor_loses_the_code": "executor::what_a_shard_raises_is_raised",
    "executor_loses_the_dead": "executor::a_dead_workers_shard_is_done_again",
    "executor_loses_the_last_shard": "executor::every_shard_is_told_once",
    "executor_needs_a_shard": "executor::no_shard_is_no_error",
    "executor_never_gives_up": "executor::a_shard_that_kills_is_given_up",
    "executor_numbers_by_arrival": "executor::outcomes_belong_to_their_shards",
    "executor_opens_beside_the_answer": "executor::an_error_of_opening_is_raised",
    "executor_raises_what_it_finds": "executor::any_other_error_is_kp840",
    "executor_speaks_ascii": "executor::shards_arrive_as_they_are",
    "executor_takes_prints_for_answers": "executor::what_a_shard_prints_is_no_answer",
    "executor_tells_a_shard_twice": "executor::every_shard_is_told_once",
    "executor_tells_all_at_the_end": "executor::outcomes_are_told_as_they_finish",
    "executor_tries_errors_again": "executor::an_error_is_not_tried_again",
    "options_accept_what_is_unknown": "mapper::options_forbid_what_is_unknown",
    "options_are_not_written_out": "mapper::options_round_trip",
    "declaration_imports_torch": "plugin::declaration_is_import_light",
}
KINDS = (
    *("kb", "linker", "embeddings", "mapper", "injector", "task", "host"),
    *("tracker", "executor"),
)


@pytest.fixture
def suite_of(tmp_path, monkeypatch):
    """Return the suite of a file, installed as a plugin of its own."""
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    # What waits without end is found out sooner.
    monkeypatch.setattr(executor_checks, "PATIENCE", 2.0)
    monkeypatch.setattr(tracker_checks, "LIMIT", 5.0)

    def make(path, kind):
        fault = path.stem.replace("_", "-")
        monkeypatch.setenv("KPFRAMEWORK_PLUGINS", fault)
        before = "import torch" if fault == "declaration-imports-torch" else ""
        plugin = fake_plugin(tmp_path, fault, components=[(kind, fault)], before=before)
        package = tmp_path / plugin.module
        (package / "sound.py").write_text((FOLDER / "sound" / f"{kind}.py").read_text())
        (package / "target.py").write_text(path.read_text())
        if "class Config" in path.read_text() or "import Config" in path.read_text():
            (package / "config.py").write_text("from .target import Config as Config\n")
        importlib.invalidate_caches()
        options = SPLITS if kind == "task" else READS if fault == "embeddings-wrong-order" else {}
        return Suite(fault, samples={f"{kind}/{fault}": options})

    yield make
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def test_each_check_of_trackers_and_executors_has_a_plugin_that_it_catches():
    for kind in ("tracker", "executor"):
        assert {own.id for own in checks_of(kind)} == {
            own for own in CAUGHT_BY.values() if own.startswith(f"{kind}::")
        }


def test_every_broken_plugin_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(CAUGHT_BY)
    assert len(CAUGHT_BY) >= 20


@pytest.mark.parametrize("fault", CAUGHT_BY)
def test_a_broken_plugin_is_caught_by_its_check(suite_of, fault):
    catching = CAUGHT_BY[fault]
    kind = catching.partition("::")[0].replace("plugin", "mapper")
    (outcome,) = suite_of(FOLDER / f"{fault}.py", kind).run(catching)
    assert outcome.status == "failed"
    assert outcome.detail


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_plugin_passes_every_check(suite_of, kind):
    found = list(suite_of(FOLDER / "sound" / f"{kind}.py", kind).run(f"{kind}/"))
    assert [own for own in found if own.status != "passed"] == []
    assert len(found) >= 15
