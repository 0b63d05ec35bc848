-- Changes of sessions answer 0 done, 1 conflict, 2 too many sessions, 3 too many bytes. Their
-- locks: the session first, then the totals.

CREATE FUNCTION create_session(
    p_id bytea, p_upstream text, p_repository text, p_revision bigint, p_expires_at bigint,
    p_bytes bigint, p_state bytea, p_max_sessions bigint, p_max_bytes bigint
) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    v_totals totals;
BEGIN
    PERFORM FROM sessions WHERE id = p_id;
    IF FOUND THEN
        RETURN 1;
    END IF;
    SELECT * INTO v_totals FROM totals WHERE id = 1 FOR UPDATE;
    IF v_totals.sessions >= p_max_sessions THEN
        RETURN 2;
    END IF;
    IF p_bytes > 0 AND v_totals.bytes::numeric + p_bytes > p_max_bytes THEN
        RETURN 3;
    END IF;
    INSERT INTO sessions (id, upstream, repository, revision, expires_at, bytes, state)
        VALUES (p_id, p_upstream, p_repository, p_revision, p_expires_at, p_bytes, p_state)
        ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    UPDATE totals SET sessions = sessions + 1, bytes = bytes + p_bytes WHERE id = 1;
    RETURN 0;
END
$$;

CREATE FUNCTION update_session(
    p_id bytea, p_upstream text, p_repository text, p_revision bigint, p_expires_at bigint,
    p_bytes bigint, p_state bytea, p_expected bigint, p_max_bytes bigint
) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    v_session sessions;
    v_total bigint;
BEGIN
    SELECT * INTO v_session FROM sessions WHERE id = p_id FOR UPDATE;
    IF NOT FOUND OR v_session.revision <> p_expected THEN
        RETURN 1;
    END IF;
    IF p_bytes <> v_session.bytes THEN
        SELECT bytes INTO v_total FROM totals WHERE id = 1 FOR UPDATE;
        IF p_bytes > v_session.bytes
            AND v_total::numeric - v_session.bytes + p_bytes > p_max_bytes THEN
            RETURN 3;
        END IF;
        UPDATE totals SET bytes = bytes - v_session.bytes + p_bytes WHERE id = 1;
    END IF;
    UPDATE sessions SET upstream = p_upstream, repository = p_repository,
        revision = p_revision, expires_at = p_expires_at, bytes = p_bytes, state = p_state
        WHERE id = p_id;
    RETURN 0;
END
$$;

CREATE FUNCTION remove_session(p_id bytea, p_expected bigint) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
    v_bytes bigint;
BEGIN
    DELETE FROM sessions WHERE id = p_id AND revision = p_expected RETURNING bytes INTO v_bytes;
    IF NOT FOUND THEN
        RETURN 1;
    END IF;
    UPDATE totals SET sessions = sessions - 1, bytes = bytes - v_bytes WHERE id = 1;
    RETURN 0;
END
$$;
