-- Whether the key was added: it is where `p_latest` (null: none) is the one added last.
CREATE FUNCTION add_signing_key(
    p_id text, p_algorithm smallint, p_pkcs8 bytea, p_created_at bigint, p_latest text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE signing_keys IN EXCLUSIVE MODE;
    IF p_latest IS DISTINCT FROM (SELECT k.id FROM signing_keys k ORDER BY position DESC LIMIT 1) THEN
        RETURN false;
    END IF;
    INSERT INTO signing_keys (id, algorithm, pkcs8, created_at)
        VALUES (p_id, p_algorithm, p_pkcs8, p_created_at);
    RETURN true;
END
$$;

-- Additions of one subject follow one another, so that each sees the others' tokens.
CREATE FUNCTION add_refresh_token(
    p_id bytea, p_subject text, p_version text, p_service bytea, p_client bytea,
    p_created_at bigint, p_expires_at bigint, p_keep bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('refresh tokens of ' || p_subject, 0));
    DELETE FROM refresh_tokens WHERE id = p_id;
    INSERT INTO refresh_tokens
        (id, subject, version, service, client, created_at, expires_at)
        VALUES (p_id, p_subject, p_version, p_service, p_client, p_created_at, p_expires_at);
    DELETE FROM refresh_tokens WHERE subject = p_subject AND position <=
        (SELECT position FROM refresh_tokens WHERE subject = p_subject
            ORDER BY position DESC LIMIT 1 OFFSET p_keep);
END
$$;
